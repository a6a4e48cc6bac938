/**
 * The second half of a step-up's verification, shared: right answers that come at the same time are written in one transaction, in which every
 * message serves all of them. It is for the plain case, in which every one of them counts. Where one does not (somebody was faster, the factor
 * is gone, a reset waits and is cancelled by the answer) nothing is written, and each goes again by itself.
 */
import { gather, type Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { RightAnswer } from '../challenges/answer-challenge.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import { answeredRow, type SignedReceipt } from '../challenges/consume-challenge.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { FactorResetRepository } from '../factors/factor-reset-repository.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Transact } from '../transaction.ts'

export interface Consumption {
  readonly right: RightAnswer & { readonly answeredBy: string }
  readonly signed: SignedReceipt
  readonly asking: Asking
}

export interface ConsumeStepUpsDeps {
  readonly challenges: Pick<ChallengeRepository, 'consumeAll'>
  readonly factors: Pick<FactorRepository, 'countOf'>
  readonly receipts: Pick<ReceiptRepository, 'insertAll'>
  readonly budgets: Pick<BudgetRepository, 'succeedAll'>
  readonly resets: Pick<FactorResetRepository, 'anyPendingOf'>
  readonly audit: Audit
  readonly transact: Transact
  /** One alone, in every case. @returns false when it does not count */
  readonly consumeAlone: (consumption: Consumption) => Promise<boolean>
}

/** Somebody's answer is not the plain case. */
class NotPlain extends Error {}

/** @returns whether the answer was the first one, and its factor is there still */
export type ConsumeStepUp = (consumption: Consumption) => Promise<boolean>

export function createConsumeStepUp ({ challenges, factors, receipts, budgets, resets, audit, transact, consumeAlone }: ConsumeStepUpsDeps): ConsumeStepUp {
  const consumeTogether = async (all: readonly Consumption[]): Promise<boolean[]> => await transact(async (transaction) => {
    const users = [...new Set(all.map(({ right: { challenge } }) => challenge.userId))]
    const factorIds = [...new Set(all.map(({ right: { answeredBy } }) => answeredBy))]
    if (await factors.countOf(factorIds, transaction) !== factorIds.length || await resets.anyPendingOf(users, transaction)) throw new NotPlain()
    const consumed = await challenges.consumeAll(all.map(({ right: { challenge, bySentCode, answeredBy }, asking: { commandId } }) => ({ challenge, bySentCode, answeredBy, commandId })), transaction)
    if (consumed !== all.length) throw new NotPlain()
    await receipts.insertAll(all.map(({ signed }) => signed), transaction)
    await budgets.succeedAll(all.map(({ right: { challenge, reservation } }) => ({ userId: challenge.userId, sessionId: challenge.sessionId, reservationId: reservation?.id ?? null })), transaction)
    await audit.append(all.map(({ right: { challenge }, signed, asking }) => answeredRow(challenge, signed, asking)), transaction)
    return all.map(() => true)
  })

  return gather(async (all: readonly Consumption[]) => {
    const [only] = all
    if (all.length === 1 && only !== undefined) return [await consumeAlone(only)]
    return await consumeTogether(all)
  })
}
