/**
 * The proof of a service principal: its own signature over the request, checked here, counts as one that was shown. It is used up with the
 * transaction that it makes; whoever has no such key, or signs nothing, has only what a policy allows without a proof.
 */
import { createHash } from 'node:crypto'
import { canonicalRequest, Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { GivenProof } from '../approvals/missing.ts'
import type { Principal } from '../principals/principal.ts'
import type { ConsumedReceiptRepository } from '../receipts/consumed-receipt-repository.ts'
import type { Unit } from '../unit.ts'
import { keyIdOf } from './intent-key.ts'
import { verifyIntent, type IntentRefusal } from './verify-intent.ts'

export interface ProveIntentDeps {
  readonly receipts: Pick<ConsumedReceiptRepository, 'find' | 'consume'>
  readonly audit: Pick<Audit, 'append'>
  readonly deployment: string
}

export interface IntentGiven {
  /** Undefined: the request came without one. */
  readonly jws: string | undefined
  readonly principal: Principal
  readonly idempotencyKey: string
  /** The body as it came. */
  readonly request: unknown
  /** The database's time. */
  readonly at: Date
  readonly requestId: string
}

export interface ProvedIntent {
  readonly proof: GivenProof
  /** For the audit. */
  readonly facts: { readonly intent: string, readonly key: string }
  /** In the unit that stores the transaction. @returns false when this intent was used before: the unit is lost then */
  readonly use: (row: { readonly id: string, readonly confirmation: { readonly challengeId: string } }, unit: Unit) => Promise<boolean>
}

export type ProveIntent = (given: IntentGiven) => Promise<ProvedIntent | undefined>

/** @throws Problem proofRejected, alike for every reason; the audit says which */
export const createProveIntent = ({ receipts, audit, deployment }: ProveIntentDeps): ProveIntent => async ({ jws, principal, idempotencyKey, request, at, requestId }) => {
  if (jws === undefined) return undefined
  const refuse = async (reason: IntentRefusal | 'no_key'): Promise<Problem> => {
    await audit.append({ event: 'intent.refused', subject: principal.id, actor: principal.id, requestId, facts: { reason } })
    return new Problem(problems.proofRejected, { detail: 'Unauthorized: the signed intent is not this request\'s, or was used before.' })
  }
  if (principal.kind !== 'service' || principal.intentKey === null) throw await refuse('no_key')
  const requestSha256 = createHash('sha256').update(canonicalRequest(request), 'utf8').digest('hex')
  const verified = verifyIntent(jws, principal.intentKey, { principalId: principal.id, deployment, idempotencyKey, requestSha256, at })
  if ('refusal' in verified) throw await refuse(verified.refusal)
  const keyId = keyIdOf(principal.intentKey)
  const id = `${principal.id}:${verified.claims.jti}`
  if (await receipts.find(id) !== undefined) throw await refuse('replayed')
  return {
    proof: { receiptId: id, kind: 'service_key', shown: true, ageSeconds: Math.max(0, Math.floor((at.getTime() - principal.grantedAt.getTime()) / 1_000)), root: keyId },
    facts: { intent: verified.claims.jti, key: keyId },
    use: async ({ id: txId, confirmation: { challengeId } }, unit) => await receipts.consume({ id, challengeId, txId }, unit)
  }
}
