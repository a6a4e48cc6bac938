/**
 * Judges a receipt, from the reply of `challenges.verify` or from its job, whichever comes first, and approves the one transaction that
 * waits for it. Receipt, state, policy and audit row are one Mongo transaction. A refused receipt changes nothing and leaves a row.
 */
import { createHash } from 'node:crypto'
import type { ReceiptClaims } from '@countersign/contracts'
import type { NoteRefused } from '../audit/note-refused.ts'
import type { Advance } from '../approvals/advance.ts'
import type { InLine } from '../policies/window-line.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { AdmitRow } from '../transactions/admit-transfer.ts'
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { ExpireTransaction } from '../transactions/expire-transactions.ts'
import type { RecordOne } from '../transactions/record-move.ts'
import type { Countersigned } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { ConsumedReceiptRepository } from './consumed-receipt-repository.ts'
import { mismatchOf, refusalOfClaims, type ReceiptRefusal } from './match-receipt.ts'

export interface AcceptDeps<Row extends Countersigned> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'findByChallenge' | 'find'>
  readonly receipts: ConsumedReceiptRepository
  /** @returns the claims, or why the JWS is none of otp-service's. */
  readonly verifyReceipt: (jws: string) => Promise<{ readonly claims: ReceiptClaims } | { readonly refusal: ReceiptRefusal }>
  readonly admitRow: AdmitRow<Row>
  readonly advance: Advance<Row>
  readonly recordMove: RecordOne<Row>
  readonly expire: ExpireTransaction
  readonly noteRefused: NoteRefused
  readonly inLine: InLine
  /** Made anew from the row's fields: a stored one proves nothing about them. */
  readonly digestOf: (row: Row) => string
  readonly countRefused: (reason: ReceiptRefusal) => void
  /** Of rows of another kind: asked when none of these waits for the challenge. */
  readonly otherwise?: AcceptReceipt
  readonly crashPoint: CrashPoint
}

export interface ReceiptGiven {
  readonly requestId: string
  readonly via: 'reply' | 'job'
  /** Ids that the job carries beside the receipt: claims, for the audit alone. */
  readonly claimedId?: string
}

/** `waiting`: taken, and something else is missing still. `repeated`: this very receipt had been used for its transaction before. */
export type ReceiptOutcome = 'approved' | 'waiting' | 'rejected' | 'repeated' | 'refused'
export type AcceptReceipt = (jws: string, given: ReceiptGiven) => Promise<ReceiptOutcome>

/** Thrown inside the transaction to undo it. */
class Undo extends Error {
  readonly refusal: ReceiptRefusal
  constructor (refusal: ReceiptRefusal) {
    super(refusal)
    this.refusal = refusal
  }
}

export const createAcceptReceipt = <Row extends Countersigned>(deps: AcceptDeps<Row>): AcceptReceipt => async (jws, given) => {
  const verified = await deps.verifyReceipt(jws)
  if ('refusal' in verified) return await refuse(deps, verified.refusal, given.claimedId ?? 'unknown', given)
  const { claims } = verified
  const early = refusalOfClaims(claims)
  if (early !== undefined) return await refuse(deps, early, claims.challenge_id, given, claims)
  const transaction = await deps.transactions.findByChallenge(claims.challenge_id)
  if (transaction === undefined && deps.otherwise !== undefined) return await deps.otherwise(jws, given)
  if (transaction === undefined) return await refuse(deps, 'unknown_challenge', claims.challenge_id, given, claims)
  try {
    await deps.crashPoint('confirm.judged')
    const state = await deps.inLine(transaction.walletId, async (unit) => await approve(deps, unit, transaction.id, claims, given))
    await deps.crashPoint('confirm.approved')
    return state
  } catch (error) {
    if (!(error instanceof Undo)) throw error
    return await settleRefusal(deps, error.refusal, transaction, claims, given)
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

async function approve<Row extends Countersigned> (deps: AcceptDeps<Row>, unit: Unit, id: string, claims: ReceiptClaims, { requestId, via }: ReceiptGiven): Promise<'approved' | 'waiting' | 'rejected'> {
  const row = await deps.transactions.find(id, unit)
  if (row?.state !== 'awaiting_confirmation') throw new Undo('state')
  const { initiator } = row
  const admission = await deps.admitRow(row, unit)
  // Without factors of its own it can have confirmed nothing.
  const factorRoot = admission.principal?.factorRoot ?? null
  if (factorRoot === null) throw new Undo('principal')
  const digest = deps.digestOf(row)
  const mismatch = mismatchOf(claims, {
    challengeId: row.confirmation.challengeId,
    userId: initiator,
    factorRoot,
    digest,
    textSha256: sha256(row.text),
    shortTextSha256: row.shortText === null ? undefined : sha256(row.shortText),
    // A denied transaction is only rejected, whatever proved the wish.
    wanted: admission.admitted ? admission.requirements.proof : undefined
  })
  if (mismatch !== undefined) throw new Undo(mismatch)
  if (!await deps.receipts.consume({ id: claims.jti, challengeId: claims.challenge_id, txId: id }, unit)) throw new Undo('replayed')
  await deps.crashPoint('confirm.consuming')

  const facts = { receipt: claims.jti, challenge: claims.challenge_id, digest, factor_kind: claims.factor_kind, via }
  const record = { requestId, actor: initiator, facts }
  const moved = admission.admitted
    ? await deps.advance(unit, row, admission, {
      from: 'awaiting_confirmation',
      guard: { challengeId: claims.challenge_id },
      proof: { receiptId: claims.jti, kind: claims.factor_kind, shown: claims.shown, ageSeconds: claims.factor_age_seconds, root: factorRoot },
      event: 'proved',
      record
    })
    : await deps.recordMove(unit, row, {
      from: 'awaiting_confirmation', when: 'valid', challengeId: claims.challenge_id, to: 'rejected', set: { receiptId: claims.jti, failure: { code: 'policy_denied', detail: admission.detail } }
    }, { ...record, facts: { ...facts, policy_version: admission.policy?.version ?? 0, rule: admission.policy?.rule ?? 'default' } })
  if (moved === undefined) throw new Undo('expired')
  await deps.crashPoint('confirm.approving')
  return moved.state === 'approved' ? 'approved' : moved.state === 'rejected' ? 'rejected' : 'waiting'
}

/** The reply and the job bring the same receipt: the second of them is no attack, but it is written down as well. */
async function settleRefusal<Row extends Countersigned> (deps: AcceptDeps<Row>, refusal: ReceiptRefusal, transaction: Row, claims: ReceiptClaims, given: ReceiptGiven): Promise<'repeated' | 'refused'> {
  if (refusal === 'state' || refusal === 'replayed') {
    const consumed = await deps.receipts.find(claims.jti)
    if (consumed?.txId === transaction.id) {
      await deps.noteRefused({
        event: 'receipt.repeated', source: given.via, reason: 'repeated', subject: transaction.id, walletId: transaction.walletId, requestId: given.requestId, facts: { receipt: claims.jti }
      })
      return 'repeated'
    }
  }
  if (refusal === 'expired') await deps.expire(transaction)
  return await refuse(deps, refusal, transaction, given, claims)
}

async function refuse ({ noteRefused, countRefused }: Pick<AcceptDeps<Countersigned>, 'noteRefused' | 'countRefused'>, reason: ReceiptRefusal, about: Countersigned | string, { requestId, via }: ReceiptGiven, claims?: ReceiptClaims): Promise<'refused'> {
  countRefused(reason)
  await noteRefused({
    event: 'receipt.refused',
    source: via,
    reason,
    ...typeof about === 'string' ? { subject: about } : { subject: about.id, walletId: about.walletId },
    requestId,
    ...claims !== undefined && { facts: { receipt: claims.jti, challenge: claims.challenge_id, factor_kind: claims.factor_kind, purpose: claims.purpose, aud: claims.aud } }
  })
  return 'refused'
}
