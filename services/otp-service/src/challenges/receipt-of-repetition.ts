import type { Asking } from '../asking.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import type { Answerer } from './challenge.ts'
import type { QuestionPurpose } from './question-purpose.ts'

export interface ReceiptOfRepetitionDeps {
  readonly purpose: QuestionPurpose
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly receipts: Pick<ReceiptRepository, 'ofChallenge'>
}

/** The reply to this very command was lost: whoever repeats it reads its receipt again, and changes nothing. The id of the command is made from the answer. */
export const createReceiptOfRepetition = ({ purpose, challenges, receipts }: ReceiptOfRepetitionDeps) =>
  async (challengeId: string, answerer: Answerer, { commandId }: Asking): Promise<string | undefined> => {
    const challenge = await challenges.findFor(challengeId, answerer)
    if (challenge?.purpose !== purpose || challenge.consumedBy !== commandId) return undefined
    return (await receipts.ofChallenge(challenge.id))?.receipt
  }
