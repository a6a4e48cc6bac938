import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Answerer } from '../challenges/challenge.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import { stepUpPurpose } from './step-up-purpose.ts'

export interface ReceiptOfRepetitionDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly receipts: Pick<ReceiptRepository, 'ofChallenge'>
}

/** The reply to this very command was lost: whoever repeats it reads its receipt again, and changes nothing. The id of the command is made from the answer. */
export const createReceiptOfRepetition = ({ challenges, receipts }: ReceiptOfRepetitionDeps) =>
  async (challengeId: string, answerer: Answerer, { commandId }: Asking): Promise<string | undefined> => {
    const challenge = await challenges.findFor(challengeId, answerer)
    if (challenge?.purpose !== stepUpPurpose || challenge.consumedBy !== commandId) return undefined
    return (await receipts.ofChallenge(challenge.id))?.receipt
  }
