/** For the operator's question "why was this code or link refused": everything but the code and the link. */
import { stateOf } from '../challenges/challenge.ts'
import { maskAddress } from '../factors/factor.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'

/** @param now the database's time. */
export const explainMailbox = (challenge: MailboxChallenge, now: Date, receiptId: string | null) => ({
  id: challenge.id,
  state: stateOf({ ...challenge, expiresAt: challenge.endsAt }, now),
  audience: challenge.aud,
  purpose: challenge.purpose,
  user_id: challenge.userId,
  session_id: challenge.sessionId,
  sent_to: maskAddress(challenge.address),
  delivered: challenge.deliver,
  attempts_left: challenge.attemptsLeft,
  attempts_max: challenge.attemptsMax,
  sends: challenge.sends,
  pepper_id: challenge.pepperId,
  created_at: challenge.createdAt.toISOString(),
  code_expires_at: challenge.codeExpiresAt.toISOString(),
  link_expires_at: challenge.linkExpiresAt?.toISOString() ?? null,
  last_attempt_at: challenge.lastAttemptAt?.toISOString() ?? null,
  answered_at: challenge.consumedAt?.toISOString() ?? null,
  answered_by: challenge.provedBy,
  cancelled_at: challenge.cancelledAt?.toISOString() ?? null,
  receipt_id: receiptId
})
