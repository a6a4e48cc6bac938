/** What the earlier OTP system tells of a code that was sent. */
import type { ReplyOf, RequestOf, earlierOtpStatus } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked } from '../budgets/locked-problem.ts'
import { stateOf } from '../challenges/challenge.ts'
import type { ChallengeRepository, FoundChallenge } from '../challenges/challenge-repository.ts'
import { earlierOtpAction, earlierOtpChallenge } from './earlier-otp-action.ts'

export interface EarlierOtpStatusDeps {
  readonly challenges: Pick<ChallengeRepository, 'newestOwn'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly maxAttempts: number
}

export const isGood = ({ challenge, now }: FoundChallenge): boolean => stateOf(challenge, now) === 'pending'

export const createEarlierOtpStatus = ({ challenges, budgets, maxAttempts }: EarlierOtpStatusDeps) =>
  async ({ user_id: userId, session_id: sessionId, purpose }: RequestOf<typeof earlierOtpStatus>, { caller: aud }: Asking): Promise<ReplyOf<typeof earlierOtpStatus>> => {
    const [newest, lock] = await Promise.all([
      challenges.newestOwn({ aud, userId, sessionId }, { purpose: earlierOtpChallenge, actionDigest: earlierOtpAction(userId, sessionId, purpose).digest }),
      budgets.lockOf(userId, sessionId)
    ])
    const is_locked = isLocked(lock)
    if (newest === undefined || newest.challenge.consumedAt !== null || newest.challenge.cancelledAt !== null) {
      return { exists: false, is_valid: false, is_locked, attempts: 0, max_attempts: maxAttempts, expires_at: null, expires_in: 0 }
    }
    const { challenge: { attemptsLeft, attemptsMax, expiresAt }, now } = newest
    return {
      exists: true,
      is_valid: isGood(newest) && !is_locked,
      is_locked,
      attempts: attemptsMax - attemptsLeft,
      max_attempts: attemptsMax,
      expires_at: expiresAt.toISOString(),
      expires_in: Math.max(0, Math.ceil((expiresAt.getTime() - now.getTime()) / 1_000))
    }
  }
