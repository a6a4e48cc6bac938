/** A new code for a challenge about a transaction, to where the first one went. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendChallenge } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import { challengeView } from './challenge-view.ts'
import type { SendCode } from './send-code.ts'

export interface ResendDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly sendCode: SendCode
}

export const createResendChallenge = ({ challenges, sendCode }: ResendDeps) =>
  async (request: RequestOf<typeof resendChallenge>, asking: Asking): Promise<ReplyOf<typeof resendChallenge>> => {
    const challenge = await challenges.findFor(request.challenge_id, { aud: asking.caller, userId: request.user_id, sessionId: request.session_id })
    if (challenge === undefined || challenge.factorId === null || challenge.address === null) throw new Problem(problems.notFound)
    return challengeView(await sendCode(challenge, { to: 'factor', factorId: challenge.factorId, address: challenge.address }, asking))
  }
