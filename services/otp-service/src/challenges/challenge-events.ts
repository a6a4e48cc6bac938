/** What runbooks grep and alerts read. Ids and masked addresses only. */
import type { ChallengePurpose, MailboxPurpose } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { maskAddress } from '../factors/factor.ts'
import type { Challenge } from './challenge.ts'

/** `unknown` covers all that has no challenge to answer: none, another's, used, expired, cancelled, out of attempts. */
export type RejectionClass = 'unknown' | 'wrong' | 'locked' | 'late'

type Purpose = ChallengePurpose | MailboxPurpose

/** A challenge of a factor or of a mailbox; a mailbox may have no account, and its mail may be withheld. */
interface Told extends Pick<Challenge, 'id' | 'address' | 'sends' | 'lastSentAt'> {
  readonly purpose: Purpose
  readonly userId: string | null
  readonly deliver?: boolean
}

export interface ChallengeEvents {
  sent (challenge: Told, requestId: string): void
  accepted (challenge: Told, answeredAt: Date, requestId: string): void
  rejected (purpose: Purpose, reason: RejectionClass, given: { challengeId: string, userId: string | null, requestId: string, detail?: string }): void
  accountLocked (challenge: Pick<Told, 'id' | 'userId' | 'address'>, requestId: string): void
}

const purposes: readonly Purpose[] = ['transaction', 'email_enrol', 'email_change', 'sms_enrol', 'account_delete', 'step_up', 'passkey_sign_in', 'earlier_otp', 'signup', 'login_email', 'password_reset', 'email_link']

export function createChallengeEvents (log: Logger, metrics: Metrics): ChallengeEvents {
  const sends = metrics.counter({ name: 'otp_send_total', help: 'Codes handed to the queues of mails and text messages', labels: ['purpose'] })
  // Both carry the same labels, so that one divided by the other is the success rate.
  const verifications = metrics.counter({ name: 'otp_verify_total', help: 'Answers to challenges', labels: ['purpose'] })
  const successes = metrics.counter({ name: 'otp_verify_success', help: 'Answers that were right', labels: ['purpose'] })
  const locks = metrics.counter({ name: 'otp_account_locked', help: 'Accounts whose budget of wrong codes was spent' })
  const limits = metrics.counter({ name: 'otp_rate_limit_hits', help: 'Refusals because of a limit', labels: ['limit'] })
  const durations = metrics.histogram({
    name: 'otp_verification_seconds',
    help: 'From sending a code to its right answer',
    labels: ['purpose'],
    buckets: [5, 10, 20, 30, 60, 120, 180, 300, 600]
  })
  for (const purpose of purposes) for (const counter of [sends, verifications, successes]) counter.inc({ purpose }, 0)
  for (const limit of ['sends', 'failures', 'signatures']) limits.inc({ limit }, 0)

  return {
    sent ({ id, purpose, address, sends: number, deliver = true }, requestId) {
      if (deliver) sends.inc({ purpose })
      log.info({ requestId, challengeId: id, purpose, sentTo: maskAddress(address), send: number }, deliver ? 'OTP sent' : 'OTP withheld')
    },
    accepted ({ id, purpose, userId, lastSentAt }, answeredAt, requestId) {
      verifications.inc({ purpose })
      successes.inc({ purpose })
      durations.observe({ purpose }, Math.max(0, answeredAt.getTime() - lastSentAt.getTime()) / 1_000)
      log.info({ requestId, challengeId: id, purpose, userId }, 'OTP verified')
    },
    rejected (purpose, reason, { challengeId, userId, requestId, detail }) {
      verifications.inc({ purpose })
      if (reason === 'locked') limits.inc({ limit: 'failures' })
      log.warn({ requestId, challengeId, purpose, userId, reason, ...detail !== undefined && { detail } }, 'OTP verification failed')
    },
    accountLocked ({ id, userId, address }, requestId) {
      locks.inc()
      log.warn({ requestId, challengeId: id, userId, sentTo: maskAddress(address) }, 'OTP account locked')
    }
  }
}

/** For the limiters, which know no challenge. */
export const countLimit = (metrics: Metrics, limit: 'sends' | 'signatures'): (() => void) => {
  const limits = metrics.counter({ name: 'otp_rate_limit_hits', help: 'Refusals because of a limit', labels: ['limit'] })
  return () => { limits.inc({ limit }) }
}
