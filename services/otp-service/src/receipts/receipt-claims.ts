/** What a receipt says of an answered challenge. */
import { createHash } from 'node:crypto'
import type { ReceiptClaims } from '@countersign/contracts'
import type { Challenge } from '../challenges/challenge.ts'

export interface ReceiptGiven {
  readonly receiptId: string
  readonly factorRoot: string
  /** When the factor that answered was proved; the answer itself proves a new one. */
  readonly provedAt: Date
  /** The database's time of the answer. */
  readonly answeredAt: Date
}

/** `shown` is true: the mail with the text went past the gateway. */
export const receiptClaims = (challenge: Challenge, { receiptId, factorRoot, provedAt, answeredAt }: ReceiptGiven): ReceiptClaims => ({
  jti: receiptId,
  challenge_id: challenge.id,
  aud: challenge.aud,
  purpose: challenge.purpose,
  sub: challenge.userId,
  factor_root: factorRoot,
  factor_kind: 'email_code',
  shown: true,
  factor_age_seconds: Math.max(0, Math.floor((answeredAt.getTime() - provedAt.getTime()) / 1_000)),
  action_digest: challenge.actionDigest,
  text_sha256: createHash('sha256').update(challenge.text, 'utf8').digest('hex'),
  iat: Math.floor(answeredAt.getTime() / 1_000)
})
