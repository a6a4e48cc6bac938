/** A challenge as MongoDB keeps it. */
import type { Challenge, NewChallenge } from './challenge.ts'

export interface ChallengeDocument {
  readonly _id: string
  readonly aud: Challenge['aud']
  readonly purpose: Challenge['purpose']
  readonly user_id: string
  readonly session_id: string
  readonly factor_id: string | null
  readonly address: string | null
  readonly action_digest: string
  readonly text: string
  readonly short_text?: string
  readonly factor_kinds?: NonNullable<Challenge['factorKinds']>
  readonly action_ends_at: Date | null
  readonly fingerprint: string
  readonly enrolment: Challenge['enrolment']
  readonly command_id: string | null
  readonly code_mac: string | null
  readonly pepper_id: string | null
  readonly attempts_left: number
  readonly attempts_max: number
  readonly sends: number
  readonly resent_by: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly last_sent_at: Date
  readonly last_attempt_at: Date | null
  readonly consumed_at: Date | null
  readonly consumed_by: string | null
  readonly cancelled_at: Date | null
  /** It is in a report and about to be removed. */
  readonly counted_at?: Date | null
  /** The factor that answered a step-up; rows of before this was kept have none. */
  readonly answered_by?: string | null
  /** When the answer to a step-up was used for a change of factors. */
  readonly used_at?: Date | null
}

type DatabaseTimes = 'created_at' | 'expires_at' | 'last_sent_at'

/** All but the times that only the database may say. */
export const newDocument = (challenge: NewChallenge): Omit<ChallengeDocument, DatabaseTimes> => ({
  _id: challenge.id,
  aud: challenge.aud,
  purpose: challenge.purpose,
  user_id: challenge.userId,
  session_id: challenge.sessionId,
  factor_id: challenge.factorId,
  address: challenge.address,
  action_digest: challenge.actionDigest,
  text: challenge.text,
  ...challenge.shortText !== undefined && { short_text: challenge.shortText },
  ...challenge.factorKinds !== undefined && { factor_kinds: challenge.factorKinds },
  action_ends_at: challenge.actionEndsAt,
  fingerprint: challenge.fingerprint,
  enrolment: challenge.enrolment,
  command_id: challenge.commandId,
  code_mac: challenge.codeMac,
  pepper_id: challenge.pepperId,
  attempts_left: challenge.attemptsMax,
  attempts_max: challenge.attemptsMax,
  sends: challenge.codeMac === null ? 0 : 1,
  resent_by: null,
  last_attempt_at: null,
  consumed_at: null,
  consumed_by: null,
  cancelled_at: null
})

export const toChallenge = (found: ChallengeDocument): Challenge => ({
  id: found._id,
  aud: found.aud,
  purpose: found.purpose,
  userId: found.user_id,
  sessionId: found.session_id,
  factorId: found.factor_id,
  address: found.address,
  actionDigest: found.action_digest,
  text: found.text,
  ...found.short_text !== undefined && { shortText: found.short_text },
  ...found.factor_kinds !== undefined && { factorKinds: found.factor_kinds },
  actionEndsAt: found.action_ends_at,
  fingerprint: found.fingerprint,
  enrolment: found.enrolment,
  commandId: found.command_id,
  codeMac: found.code_mac,
  pepperId: found.pepper_id,
  attemptsLeft: found.attempts_left,
  attemptsMax: found.attempts_max,
  sends: found.sends,
  resentBy: found.resent_by,
  createdAt: found.created_at,
  expiresAt: found.expires_at,
  lastSentAt: found.last_sent_at,
  lastAttemptAt: found.last_attempt_at,
  consumedAt: found.consumed_at,
  consumedBy: found.consumed_by,
  cancelledAt: found.cancelled_at
})
