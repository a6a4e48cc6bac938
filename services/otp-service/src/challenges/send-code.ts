/** A new code for a challenge that is there: an older one dies, the attempts stay, the action's end stays. */
import { Problem, problems } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { FactorSend, SendLimit } from '../mail/send-limit.ts'
import type { AdmitAddress } from '../sms/admit-number.ts'
import type { Dispatch } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import type { Codes } from './codes.ts'
import { createSendTogether, type SendTogetherDeps } from './send-together.ts'

export interface SendCodeDeps extends SendTogetherDeps {
  readonly challenges: SendTogetherDeps['challenges'] & Pick<ChallengeRepository, 'find'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly admit: AdmitAddress
  readonly sendLimit: SendLimit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly dispatch: Dispatch
  readonly ttlSeconds: number
}

/**
 * @returns the challenge as it is now; a command that is repeated sends nothing again.
 * @throws Problem stateConflict, factorLocked, sendLimited, numberNotServed
 */
export type SendCode = (challenge: Challenge, to: Pick<FactorSend, 'factorId' | 'address'>, asking: Asking) => Promise<Challenge>

export const createSendCode = (deps: SendCodeDeps): SendCode => {
  const { challenges, budgets, codes, admit, sendLimit, events, dispatch, ttlSeconds } = deps
  const sendTogether = createSendTogether(deps)

  return async (challenge, to, asking) => {
    if (challenge.resentBy === asking.commandId) return challenge
    if (isOver(challenge)) throw over()
    admit(to.address)

    const lock = await budgets.lockOf(challenge.userId, challenge.sessionId)
    if (isLocked(lock)) throw lockedProblem(lock)

    const { code, ...stored } = codes.draw(challenge)
    const sent = await sendTogether({
      renewal: { challenge, code: stored, ttlSeconds: keepsItsEnd(challenge) ? undefined : ttlSeconds, commandId: asking.commandId, to },
      code, requestId: asking.requestId, takeSend: sendLimit.taking([{ to: 'factor', own: lock.own, ...to }])
    })
    if (sent === undefined) {
      // The same command raced this one and was first: its code is on the way.
      const first = await challenges.find(challenge.id)
      if (first?.resentBy === asking.commandId) return first
      throw over()
    }

    events.sent(sent.challenge, asking.requestId)
    await dispatch([sent.row])
    return sent.challenge
  }
}

/** The question of a step-up ends when it was said to, however often its code is sent. */
const keepsItsEnd = ({ purpose }: Challenge): boolean => purpose === 'step_up'

/** Asked before a code is drawn; the update's guard decides. */
const isOver = ({ consumedAt, cancelledAt, attemptsLeft }: Challenge): boolean => consumedAt !== null || cancelledAt !== null || attemptsLeft === 0

const over = (): Problem => new Problem(problems.stateConflict, { detail: 'This challenge is answered, out of attempts or past its action\'s end.' })
