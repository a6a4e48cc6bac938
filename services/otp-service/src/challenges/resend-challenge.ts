/** A new code for a challenge of the signer: to the factor that the user chose, or to where the last one went. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendChallenge } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import { addressOf } from '../factors/factor.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import { sentView } from './challenge-view.ts'
import { mayAnswer } from './may-answer.ts'
import type { SendCode } from './send-code.ts'

export interface ResendDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly factors: Pick<FactorRepository, 'find'>
  readonly sendCode: SendCode
}

export const createResendChallenge = ({ challenges, factors, sendCode }: ResendDeps) => {
  const chosen = async (challenge: Challenge, factorId: string) => {
    const factor = await factors.find(challenge.userId, factorId)
    if (factor === undefined) throw new Problem(problems.notFound)
    const address = addressOf(factor)
    if (address === undefined || !mayAnswer(challenge, factor)) throw new Problem(problems.stateConflict, { detail: 'No code that is sent to this factor answers this challenge.' })
    return { factorId, address }
  }
  const last = ({ factorId, address }: Challenge) => {
    if (factorId === null || address === null) throw new Problem(problems.notFound)
    return { factorId, address }
  }

  /** @throws Problem notFound for a challenge or factor that is not the asker's, stateConflict for a factor that gets no code or a challenge that is over, factorLocked, sendLimited, numberNotServed */
  return async ({ challenge_id: id, user_id: userId, session_id: sessionId, factor_id: factorId }: RequestOf<typeof resendChallenge>, asking: Asking): Promise<ReplyOf<typeof resendChallenge>> => {
    const challenge = await challenges.findFor(id, { aud: asking.caller, userId, sessionId })
    if (challenge?.purpose !== 'transaction') throw new Problem(problems.notFound)
    const to = factorId === undefined ? last(challenge) : await chosen(challenge, factorId)
    return sentView(await sendCode(challenge, to, asking))
  }
}
