/** A receipt is compared with the signer's own row, claim by claim; what it says beyond that is worth nothing. */
import type { ReceiptClaims } from '@countersign/contracts'
import type { ProofWanted } from '../policies/requirements.ts'

export interface ExpectedReceipt {
  readonly challengeId: string
  readonly userId: string
  /** The principal's, now. */
  readonly factorRoot: string
  /** Made anew from the row. */
  readonly digest: string
  readonly textSha256: string
  /** Undefined: no text message confirms this. */
  readonly shortTextSha256: string | undefined
  /** By the rules that allow the transaction. Undefined: they want none, or deny it, and any that showed it is taken. */
  readonly wanted: ProofWanted | undefined
}

/** Why a receipt was refused: a label of metrics and audit rows, never shown to a caller. */
export type ReceiptRefusal =
  | 'form' | 'header' | 'signature' | 'claims'
  | 'audience' | 'purpose' | 'unknown_challenge' | 'challenge' | 'user' | 'factor_root' | 'factor_kind' | 'factor_age' | 'unshown' | 'digest' | 'text'
  | 'expired' | 'state' | 'replayed' | 'principal'

/** What does not depend on a row. */
export function refusalOfClaims ({ aud, purpose }: ReceiptClaims): ReceiptRefusal | undefined {
  if (aud !== 'signer-service') return 'audience'
  return purpose === 'transaction' ? undefined : 'purpose'
}

/** @returns the first difference, or undefined when every claim is the row's. */
export function mismatchOf (claims: ReceiptClaims, expected: ExpectedReceipt): ReceiptRefusal | undefined {
  const { wanted } = expected
  const checks: readonly (readonly [boolean, ReceiptRefusal])[] = [
    [claims.challenge_id === expected.challengeId, 'challenge'],
    [claims.sub === expected.userId, 'user'],
    [claims.factor_root === expected.factorRoot, 'factor_root'],
    [claims.action_digest === expected.digest, 'digest'],
    [claims.text_sha256 === (claims.factor_kind === 'sms' ? expected.shortTextSha256 : expected.textSha256), 'text'],
    [claims.shown || wanted?.unshownKinds.includes(claims.factor_kind) === true, 'unshown'],
    [wanted === undefined || wanted.shownKinds.includes(claims.factor_kind), 'factor_kind'],
    [wanted === undefined || claims.factor_age_seconds >= wanted.leastAgeSeconds, 'factor_age']
  ]
  return checks.find(([holds]) => !holds)?.[1]
}
