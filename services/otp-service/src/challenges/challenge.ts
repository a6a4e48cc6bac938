/** A challenge: one question about one action, for one asker. A code of it is sent to a factor; a factor that needs none answers without. */
import type { ChallengePurpose, FactorKind, ServiceName } from '@countersign/contracts'
import type { Enrolment } from '../factors/enrolment.ts'

export interface Challenge {
  readonly id: string
  /** The service on whose list it was asked for. It confirms nothing elsewhere. */
  readonly aud: ServiceName
  readonly purpose: ChallengePurpose
  readonly userId: string
  readonly sessionId: string
  /** The factor that a code was sent to; null while its address is only being enrolled, and before a code is sent. */
  readonly factorId: string | null
  /** Where the code went; null before one is sent. */
  readonly address: string | null
  readonly actionDigest: string
  readonly text: string
  /** The action in one line, where a text message may show it. */
  readonly shortText?: string
  /** Kinds of factors that may answer; absent: all. */
  readonly factorKinds?: readonly FactorKind[]
  readonly actionEndsAt: Date | null
  /** SHA-256 of the request that made it: the same id asked with other fields is refused. */
  readonly fingerprint: string
  readonly enrolment: Enrolment | null
  /** The command that began an enrolment, so that its repetition sends nothing again. The asker's own id does that for other purposes. */
  readonly commandId: string | null
  /** Both null before a code is sent. */
  readonly codeMac: string | null
  readonly pepperId: string | null
  readonly attemptsLeft: number
  readonly attemptsMax: number
  readonly sends: number
  /** The command that sent the last new code. */
  readonly resentBy: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastSentAt: Date
  readonly lastAttemptAt: Date | null
  readonly consumedAt: Date | null
  readonly consumedBy: string | null
  readonly cancelledAt: Date | null
}

/** What is known before the database adds its own times. */
export type NewChallenge = Pick<Challenge,
  'id' | 'aud' | 'purpose' | 'userId' | 'sessionId' | 'factorId' | 'address' | 'actionDigest' | 'text' | 'shortText' | 'factorKinds' | 'actionEndsAt' |
  'fingerprint' | 'enrolment' | 'commandId' | 'codeMac' | 'pepperId' | 'attemptsMax'>

/**
 * Until when a signature may answer. Where the action has an end of its own that is it: a code is short-lived because it can be guessed, and
 * a new one, which moves the challenge's end, must not change what a wallet has on its screen.
 */
export const signableUntil = ({ actionEndsAt, expiresAt }: Pick<Challenge, 'actionEndsAt' | 'expiresAt'>): Date => actionEndsAt ?? expiresAt

/** Who may answer: all of it must be equal, else the challenge does not exist for him and loses no attempt. */
export interface Answerer {
  readonly aud: ServiceName
  readonly userId: string
  readonly sessionId: string
}

export type ChallengeState = 'pending' | 'answered' | 'cancelled' | 'expired' | 'exhausted'

/** @param now the database's time. */
export function stateOf (challenge: Pick<Challenge, 'consumedAt' | 'cancelledAt' | 'attemptsLeft' | 'expiresAt'>, now: Date): ChallengeState {
  if (challenge.consumedAt !== null) return 'answered'
  if (challenge.cancelledAt !== null) return 'cancelled'
  if (challenge.attemptsLeft === 0) return 'exhausted'
  return challenge.expiresAt <= now ? 'expired' : 'pending'
}
