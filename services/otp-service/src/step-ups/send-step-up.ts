/** Sends the code of a step-up to the factor that the user chose. */
import { Problem, problems, type ReplyOf, type RequestOf, type sendStepUp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import { sentView } from '../challenges/challenge-view.ts'
import type { SendCode } from '../challenges/send-code.ts'
import { addressOf } from '../factors/factor.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { stepUpPurpose } from './step-up-purpose.ts'

export interface SendStepUpDeps {
  readonly factors: Pick<FactorRepository, 'find'>
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly sendCode: SendCode
}

/** @throws Problem notFound for a challenge or factor that is not the asker's, stateConflict for a factor that needs no code or a challenge that is over, factorLocked, sendLimited, numberNotServed */
export const createSendStepUp = ({ factors, challenges, sendCode }: SendStepUpDeps) =>
  async (request: RequestOf<typeof sendStepUp>, asking: Asking): Promise<ReplyOf<typeof sendStepUp>> => {
    const answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const [challenge, factor] = await Promise.all([challenges.findFor(request.challenge_id, answerer), factors.find(request.user_id, request.factor_id)])
    if (challenge?.purpose !== stepUpPurpose || factor === undefined) throw new Problem(problems.notFound)
    const address = addressOf(factor)
    if (address === undefined) throw new Problem(problems.stateConflict, { detail: 'This factor answers without a code being sent.' })
    return sentView(await sendCode(challenge, { factorId: factor.id, address }, asking))
  }
