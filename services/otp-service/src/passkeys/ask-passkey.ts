/** Options by which a browser answers a question with a passkey. */
import { Problem, problems, type ReplyOf, type RequestOf, type beginPasskeyStepUp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import { signableUntil } from '../challenges/challenge.ts'
import { mayAnswer } from '../challenges/may-answer.ts'
import type { QuestionPurpose } from '../challenges/question-purpose.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { isPasskey } from '../factors/factor.ts'
import type { PasskeyQuestions } from './passkey-questions.ts'
import type { RelyingParty } from './relying-party.ts'

export interface AskPasskeyDeps {
  readonly purpose: QuestionPurpose
  readonly factors: Pick<FactorRepository, 'listOf'>
  readonly challenges: Pick<ChallengeRepository, 'findSignable'>
  readonly passkeyQuestions: Pick<PasskeyQuestions, 'of'>
  readonly party: Pick<RelyingParty, 'requestOptions'>
}

/** Which of the user's passkeys answers is the browser's choice. @throws Problem notFound for a question that is not the asker's, or over, or not for passkeys, and for a user without one */
export const createAskPasskey = ({ purpose, factors, challenges, passkeyQuestions, party }: AskPasskeyDeps) =>
  async ({ user_id: userId, session_id: sessionId, challenge_id: challengeId }: RequestOf<typeof beginPasskeyStepUp>, { caller }: Asking): Promise<ReplyOf<typeof beginPasskeyStepUp>> => {
    const [found, all] = await Promise.all([challenges.findSignable(challengeId, purpose, { aud: caller, userId, sessionId }), factors.listOf(userId)])
    const passkeys = all.filter(isPasskey).filter((passkey) => found !== undefined && mayAnswer(found.challenge, passkey))
    if (found === undefined || passkeys.length === 0) throw new Problem(problems.notFound)
    return { options: await party.requestOptions(passkeyQuestions.of(found.challenge), passkeys), expires_at: signableUntil(found.challenge).toISOString() }
  }
