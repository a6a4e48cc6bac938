/** What a transaction still waits for. Pure: held against what the policy wants now, not against what it wanted at first. */
import type { FactorKind } from '@countersign/contracts'
import type { ProofWanted, Requirements } from '../policies/requirements.ts'
import { personsBeside, rootOf, type Principal } from '../principals/principal.ts'

/** A receipt that was used up for this transaction. */
export interface GivenProof {
  readonly receiptId: string
  /** `service_key`: a program signed the request itself. */
  readonly kind: FactorKind | 'service_key'
  readonly shown: boolean
  /** Of the factor, when it confirmed. */
  readonly ageSeconds: number
  /** What the principal was known by when it was given: whoever is granted with another one has proved nothing yet. */
  readonly root: string
}

export interface Given {
  readonly proof: GivenProof | null
  /** Who approved, and still may. */
  readonly approvers: readonly Principal[]
  readonly initiator: Principal
  readonly waitedMs: number
}

export const missingKinds = ['proof', 'approvals', 'delay'] as const
export type Missing = typeof missingKinds[number]

export function missingOf ({ proof, approvals, delaySeconds }: Requirements, given: Given): Missing[] {
  const missing: Record<Missing, boolean> = {
    proof: proof !== undefined && (given.proof === null || given.proof.root !== rootOf(given.initiator) || !proves(given.proof, proof)),
    approvals: approvals.some(({ least, of }) => personsBeside(given.initiator, given.approvers.filter(({ id }) => of.includes(id))) < least),
    // The decision may be a little older than the row.
    delay: delaySeconds > 0 && given.waitedMs < delaySeconds * 1_000
  }
  return missingKinds.filter((kind) => missing[kind])
}

const proves = ({ kind, shown, ageSeconds }: GivenProof, { shownKinds, unshownKinds, programs, leastAgeSeconds }: ProofWanted): boolean =>
  (kind === 'service_key' ? programs : unshownKinds.includes(kind) || (shown && shownKinds.includes(kind))) && ageSeconds >= leastAgeSeconds
