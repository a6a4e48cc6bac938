/**
 * The first half of every verification: pay, then look. The attempt of the challenge and the failure of the account are counted before
 * the code is compared, in one transaction, so that any number of guesses in parallel compares at most what both still allow.
 */
import { Problem, problems, type ChallengePurpose } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { Lock, Reservation } from '../budgets/budget.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { HouseFailures } from '../budgets/house-failures.ts'
import { lockedProblem } from '../budgets/locked-problem.ts'
import type { Verdict } from '../factors/factor-check.ts'
import type { TellLock } from '../factors/lock-notices.ts'
import type { Answerer, Challenge } from './challenge.ts'
import type { ChallengeEvents, RejectionClass } from './challenge-events.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import type { Codes } from './codes.ts'
import type { PayAttempt } from './pay-attempt.ts'

export interface AnswerDeps {
  readonly pay: PayAttempt
  readonly challenges: Pick<ChallengeRepository, 'giveBackAttempt'>
  readonly budgets: Pick<BudgetRepository, 'giveBack'>
  readonly codes: Pick<Codes, 'matches' | 'pretend'>
  readonly house: HouseFailures
  readonly tellLock: TellLock
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'rejected' | 'accountLocked'>
  readonly newReservationId: () => string
}

export interface Answer {
  readonly challengeId: string
  readonly purpose: ChallengePurpose
  readonly answerer: Answerer
  readonly code: string
  /** Whoever repeats the command of the right answer is told so, by AlreadyAnswered. Absent: he is refused as anybody else. */
  readonly repeatable?: true
  /** The account pays nothing for a wrong one, and its lock stops none: only what cannot be guessed. */
  readonly uncharged?: true
  /** Asked once, after the attempt was paid for. Absent: the code is right when it is the one that was sent. */
  readonly judge?: (challenge: Challenge) => Promise<Verdict>
}

/** The code was right; nothing is consumed yet. */
export interface RightAnswer {
  readonly challenge: Challenge
  /** The factor of a step-up. */
  readonly answeredBy?: string
  /** It was the code that was sent, so that a newer one takes its place. */
  readonly bySentCode: boolean
  readonly reservation: Reservation
  /** The database's time of the attempt. */
  readonly answeredAt: Date
}

/** The right answer was given by this very command: twice at the same time, or its reply was lost. */
export class AlreadyAnswered extends Error {}

export interface AnswerChallenge {
  /** @throws Problem codeRejected, alike for every reason, or factorLocked to the challenge's own answerer; AlreadyAnswered where that was asked for */
  answer (answer: Answer, asking: Asking): Promise<RightAnswer>
  /** Takes the charge on the account back, before a second code of the same request is counted. */
  release (right: RightAnswer): Promise<void>
  /** For a right answer that came to nothing: its attempt is spent, its account is not charged. */
  reject (right: RightAnswer, asking: Asking): Promise<Problem>
}

export function createAnswerChallenge ({ pay, challenges, budgets, codes, house, tellLock, audit, events, newReservationId }: AnswerDeps): AnswerChallenge {
  const refuse = async (reason: RejectionClass, { challengeId, purpose, answerer }: Pick<Answer, 'challengeId' | 'purpose' | 'answerer'>, { requestId }: Asking, lock?: Lock): Promise<Problem> => {
    events.rejected(purpose, reason, { challengeId, userId: answerer.userId, requestId })
    await audit.append({
      event: 'challenge.rejected',
      subject: challengeId,
      actor: answerer.userId,
      requestId,
      facts: { reason, purpose, aud: answerer.aud, session: answerer.sessionId }
    })
    return lock === undefined ? new Problem(problems.codeRejected) : lockedProblem(lock)
  }

  /** One HMAC, as for a challenge that is there; two rows were written for it as well. */
  const unknown = async (given: Answer, asking: Asking): Promise<Problem> => {
    codes.pretend({ id: given.challengeId, purpose: given.purpose }, given.code)
    return await refuse('unknown', given, asking)
  }

  const reject = async ({ challenge, reservation }: RightAnswer, asking: Asking): Promise<Problem> => {
    await budgets.giveBack(challenge.userId, reservation.id)
    const { id: challengeId, purpose, aud, userId, sessionId } = challenge
    return await refuse('late', { challengeId, purpose, answerer: { aud, userId, sessionId } }, asking)
  }

  return {
    async answer (given, asking) {
      const { challengeId, purpose, answerer, code, judge, uncharged = false, repeatable = false } = given
      const paid = await pay({ id: challengeId, purpose, answerer, commandId: asking.commandId, reservationId: newReservationId(), uncharged })
      if (paid === 'answered' && repeatable) throw new AlreadyAnswered()
      if (typeof paid !== 'object') throw await unknown(given, asking)

      const { challenge, reservation } = paid
      if (!reservation.granted) {
        // Nothing is compared, so that the lock does not eat the challenge.
        await challenges.giveBackAttempt(challengeId)
        throw await refuse('locked', given, asking, reservation.lock)
      }
      const bySentCode = codes.matches(challenge, code)
      const right = { challenge, bySentCode, reservation, answeredAt: challenge.lastAttemptAt ?? challenge.createdAt }
      const verdict = await (judge?.(challenge) ?? Promise.resolve<Verdict>(bySentCode ? 'right' : 'wrong')).catch(async (error: unknown) => {
        // Nothing was found wrong with the code: whoever sent it pays for no fault of ours.
        await Promise.all([challenges.giveBackAttempt(challengeId), budgets.giveBack(challenge.userId, reservation.id)])
        throw error
      })
      if (verdict === 'right') return right
      if (verdict === 'used') throw await reject(right, asking)
      if (typeof verdict === 'object' && 'closed' in verdict) {
        // The factor is locked and not the account: others may answer this challenge.
        await Promise.all([challenges.giveBackAttempt(challengeId), budgets.giveBack(challenge.userId, reservation.id)])
        throw await refuse('locked', given, asking, verdict)
      }

      // Not waited for: a refusal takes as long as any other.
      if (!uncharged) void house.count()
      const locked = { userId: challenge.userId, challengeId, at: right.answeredAt, requestId: asking.requestId }
      if (reservation.spends) {
        events.accountLocked(challenge, asking.requestId)
        await tellLock({ ...locked, factor: undefined, lock: reservation.lock })
      }
      if (verdict !== 'wrong') await tellLock({ ...locked, factor: verdict.locks, lock: verdict.lock })
      throw await refuse('wrong', given, asking)
    },

    release: ({ challenge, reservation }) => budgets.giveBack(challenge.userId, reservation.id),

    reject
  }
}
