/** What a receipt says of an answered challenge. */
import { createHash } from 'node:crypto'
import type { ReceiptClaims } from '@countersign/contracts'
import type { Challenge } from '../challenges/challenge.ts'
import type { Factor } from '../factors/factor.ts'

export interface ReceiptGiven {
  readonly receiptId: string
  /** The one that answered; the answer itself proves a new one. */
  readonly factor: Pick<Factor, 'kind' | 'factorRoot' | 'provedAt'>
  /** Whether it showed the text to its owner, past the gateway. */
  readonly shown: boolean
  /** The database's time of the answer. */
  readonly answeredAt: Date
}

export const receiptClaims = (challenge: Pick<Challenge, 'id' | 'aud' | 'purpose' | 'userId' | 'actionDigest' | 'text' | 'shortText'>, { receiptId, factor: { kind, factorRoot, provedAt }, shown, answeredAt }: ReceiptGiven): ReceiptClaims => ({
  jti: receiptId,
  challenge_id: challenge.id,
  aud: challenge.aud,
  purpose: challenge.purpose,
  sub: challenge.userId,
  factor_root: factorRoot,
  factor_kind: kind,
  shown,
  factor_age_seconds: Math.max(0, Math.floor((answeredAt.getTime() - provedAt.getTime()) / 1_000)),
  action_digest: challenge.actionDigest,
  text_sha256: createHash('sha256').update(textShown(challenge, kind), 'utf8').digest('hex'),
  iat: Math.floor(answeredAt.getTime() / 1_000)
})

/** A text message shows the short one. */
const textShown = ({ text, shortText }: Pick<Challenge, 'text' | 'shortText'>, kind: Factor['kind']): string => kind === 'sms' ? shortText ?? text : text
