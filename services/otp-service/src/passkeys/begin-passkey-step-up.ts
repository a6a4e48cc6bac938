import { Problem, problems, type ReplyOf, type RequestOf, type beginPasskeyStepUp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { isPasskey } from '../factors/factor.ts'
import { stepUpPurpose } from '../step-ups/step-up-purpose.ts'
import type { RelyingParty } from './relying-party.ts'
import type { StepUpChallenges } from './step-up-challenges.ts'

export interface BeginPasskeyStepUpDeps {
  readonly factors: Pick<FactorRepository, 'listOf'>
  readonly challenges: Pick<ChallengeRepository, 'findSignable'>
  readonly stepUpChallenges: Pick<StepUpChallenges, 'of'>
  readonly party: Pick<RelyingParty, 'requestOptions'>
}

/** Which of the user's passkeys answers is the browser's choice. @throws Problem notFound for a step-up that is not the asker's, or over, and for a user without a passkey */
export const createBeginPasskeyStepUp = ({ factors, challenges, stepUpChallenges, party }: BeginPasskeyStepUpDeps) =>
  async ({ user_id: userId, session_id: sessionId, challenge_id: challengeId }: RequestOf<typeof beginPasskeyStepUp>, { caller }: Asking): Promise<ReplyOf<typeof beginPasskeyStepUp>> => {
    const [found, all] = await Promise.all([challenges.findSignable(challengeId, stepUpPurpose, { aud: caller, userId, sessionId }), factors.listOf(userId)])
    const passkeys = all.filter(isPasskey)
    if (found === undefined || passkeys.length === 0) throw new Problem(problems.notFound)
    return { options: await party.requestOptions(stepUpChallenges.of(found.challenge), passkeys), expires_at: found.challenge.expiresAt.toISOString() }
  }
