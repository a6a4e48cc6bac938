/** For the operator's question "why was this code refused": everything but the code. */
import type { Lock } from '../budgets/budget.ts'
import { maskAddress } from '../factors/factor.ts'
import { stateOf, type Challenge } from './challenge.ts'

export interface ExplainedChallenge {
  readonly id: string
  readonly state: string
  readonly audience: string
  readonly purpose: string
  readonly user_id: string
  readonly session_id: string
  readonly sent_to: string
  readonly attempts_left: number
  readonly attempts_max: number
  readonly sends: number
  readonly pepper_id: string | null
  readonly action_digest: string
  readonly created_at: string
  readonly expires_at: string
  readonly action_ends_at: string | null
  readonly last_attempt_at: string | null
  readonly answered_at: string | null
  readonly cancelled_at: string | null
  readonly receipt_id: string | null
  readonly account: string
}

/** @param now the database's time. */
export const explainChallenge = (challenge: Challenge, now: Date, receiptId: string | null, lock: Lock): ExplainedChallenge => ({
  id: challenge.id,
  state: stateOf(challenge, now),
  audience: challenge.aud,
  purpose: challenge.purpose,
  user_id: challenge.userId,
  session_id: challenge.sessionId,
  sent_to: maskAddress(challenge.address),
  attempts_left: challenge.attemptsLeft,
  attempts_max: challenge.attemptsMax,
  sends: challenge.sends,
  pepper_id: challenge.pepperId,
  action_digest: challenge.actionDigest,
  created_at: challenge.createdAt.toISOString(),
  expires_at: challenge.expiresAt.toISOString(),
  action_ends_at: challenge.actionEndsAt?.toISOString() ?? null,
  last_attempt_at: challenge.lastAttemptAt?.toISOString() ?? null,
  answered_at: challenge.consumedAt?.toISOString() ?? null,
  cancelled_at: challenge.cancelledAt?.toISOString() ?? null,
  receipt_id: receiptId,
  account: lock.closed ? 'closed' : lock.retryAfterSeconds > 0 ? `locked for ${lock.retryAfterSeconds} s` : 'open'
})
