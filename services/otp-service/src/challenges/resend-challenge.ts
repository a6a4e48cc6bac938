/** A new code for the same challenge: the old one dies, the attempts stay, the action's end stays. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendChallenge } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Send, SendLimit } from '../mail/send-limit.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import { challengeView } from './challenge-view.ts'
import { writeCodeMail } from './code-mail.ts'
import type { Codes } from './codes.ts'

export interface ResendDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor' | 'renew'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly mails: MailWriter
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly ttlSeconds: number
}

export const createResendChallenge = ({ challenges, budgets, codes, mails, sendLimit, audit, events, transact, dispatch, ttlSeconds }: ResendDeps) =>
  async (request: RequestOf<typeof resendChallenge>, asking: Asking): Promise<ReplyOf<typeof resendChallenge>> => {
    const answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const challenge = await challenges.findFor(request.challenge_id, answerer)
    if (challenge === undefined) throw new Problem(problems.notFound)
    if (challenge.resentBy === asking.commandId) return challengeView(challenge)
    if (isOver(challenge)) throw over()

    const lock = await budgets.lockOf(challenge.userId, challenge.sessionId)
    if (isLocked(lock)) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([sendOf(challenge)])

    const { code, ...stored } = codes.draw(challenge)
    const renewed = await transact(async (transaction) => {
      const next = await challenges.renew(challenge, stored, { ttlSeconds, commandId: asking.commandId }, transaction)
      if (next === undefined) return undefined
      await takeSend()
      const row = await writeCodeMail(mails, next, code, asking.requestId, transaction)
      await audit.append({ event: 'challenge.resent', subject: next.id, actor: next.userId, requestId: asking.requestId, facts: { sends: next.sends, attempts_left: next.attemptsLeft } }, transaction)
      return { challenge: next, row }
    })
    if (renewed === undefined) {
      // The same command raced this one and was first: its code is on the way.
      const first = await challenges.findFor(request.challenge_id, answerer)
      if (first?.resentBy === asking.commandId) return challengeView(first)
      throw over()
    }

    events.sent(renewed.challenge, asking.requestId)
    await dispatch([renewed.row])
    return challengeView(renewed.challenge)
  }

/** Asked before a code is drawn; the update's guard decides. */
const isOver = ({ consumedAt, cancelledAt, attemptsLeft }: Challenge): boolean => consumedAt !== null || cancelledAt !== null || attemptsLeft === 0

/** A challenge without a factor is an enrolment's. */
const sendOf = ({ factorId, userId, address }: Challenge): Send => factorId === null ? { to: 'enrolment', userId, address } : { to: 'factor', factorId, address }

const over = (): Problem => new Problem(problems.stateConflict, { detail: 'This challenge is answered, out of attempts or past its action\'s end.' })
