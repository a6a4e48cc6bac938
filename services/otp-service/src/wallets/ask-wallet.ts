/** What a wallet that is a factor signs to answer a question. Nothing is kept of the asking. */
import { Problem, problems, type ReplyOf, type RequestOf, type askWallet } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import { mayAnswer } from '../challenges/may-answer.ts'
import type { QuestionPurpose } from '../challenges/question-purpose.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { questionOf, type WalletQuestions } from './wallet-questions.ts'

export interface AskWalletDeps {
  readonly purpose: QuestionPurpose
  readonly factors: Pick<FactorRepository, 'find'>
  readonly challenges: Pick<ChallengeRepository, 'findFor' | 'findSignable'>
  readonly questions: Pick<WalletQuestions, 'ask'>
}

/** @throws Problem notFound for a challenge or factor that is not the asker's, stateConflict for a factor that is no wallet or a challenge that is over */
export const createAskWallet = ({ purpose, factors, challenges, questions }: AskWalletDeps) =>
  async ({ challenge_id: id, factor_id: factorId, user_id: userId, session_id: sessionId }: RequestOf<typeof askWallet>, asking: Asking): Promise<ReplyOf<typeof askWallet>> => {
    const answerer = { aud: asking.caller, userId, sessionId }
    const [challenge, factor] = await Promise.all([challenges.findFor(id, answerer), factors.find(userId, factorId)])
    if (challenge?.purpose !== purpose || factor === undefined) throw new Problem(problems.notFound)
    if (factor.kind !== 'wallet') throw new Problem(problems.stateConflict, { detail: 'This factor answers without a signature.' })
    if (!mayAnswer(challenge, factor)) throw new Problem(problems.stateConflict, { detail: 'No wallet answers this challenge.' })
    if (await challenges.findSignable(id, purpose, answerer) === undefined) throw new Problem(problems.stateConflict, { detail: 'This challenge is answered, cancelled or over.' })
    return { sign: questions.ask(factor.wallet, questionOf(challenge)) }
  }
