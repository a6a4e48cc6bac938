/** The second half of every verification: what happens, all or nothing, when a right answer is the first one. */
import { receiptForSigner, type PayloadOf, type ReceiptClaims } from '@countersign/contracts'
import type { Audit, AuditEntry, Outbox, OutboxRow } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Transaction } from '../transaction.ts'
import type { RightAnswer } from './answer-challenge.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeRepository } from './challenge-repository.ts'

export interface ConsumeDeps {
  readonly challenges: Pick<ChallengeRepository, 'consume'>
  readonly receipts: Pick<ReceiptRepository, 'insert'>
  readonly budgets: Pick<BudgetRepository, 'succeed'>
  readonly outbox: Pick<Outbox, 'insert'>
  /** @param answeredBy the factor that answered @returns what waited and is cancelled by it */
  readonly cancelReset: (userId: string, answeredBy: string | null, transaction: Transaction) => Promise<{ readonly id: string } | undefined>
  readonly audit: Audit
}

export interface SignedReceipt {
  readonly claims: ReceiptClaims
  /** Compact JWS. */
  readonly receipt: string
}

/** Nothing was reserved where nothing can be guessed. */
export type Answered = Pick<RightAnswer, 'challenge' | 'bySentCode' | 'answeredBy'> & Partial<Pick<RightAnswer, 'reservation'>>

/** @returns the rows to dispatch after the commit, or undefined when another answer was first: then abort. */
export type ConsumeChallenge = (right: Answered, signed: SignedReceipt, asking: Asking, transaction: Transaction) => Promise<OutboxRow[] | undefined>

/** A receipt without an end of its action is offered this long. */
const receiptUsefulMs = 900_000

export const answeredRow = ({ id, userId, purpose, aud, actionDigest }: Challenge, { claims }: SignedReceipt, { requestId }: Asking): AuditEntry =>
  ({ event: 'challenge.answered', subject: id, actor: userId, requestId, facts: { purpose, aud, receipt: claims.jti, digest: actionDigest } })

export const createConsumeChallenge = ({ challenges, receipts, budgets, outbox, cancelReset, audit }: ConsumeDeps): ConsumeChallenge => {
  /** The signer gets its receipt twice, by reply and by job: whichever comes first counts. */
  const receiptRow = async (challenge: Challenge, { claims, receipt }: SignedReceipt, { requestId }: Asking, transaction: Transaction): Promise<OutboxRow[]> => {
    if (challenge.aud !== receiptForSigner.consumer) return []
    const payload: PayloadOf<typeof receiptForSigner> = { receipt_id: claims.jti, challenge_id: challenge.id, request_id: requestId, receipt }
    const usefulUntil = challenge.actionEndsAt ?? { inMs: receiptUsefulMs }
    return [await outbox.insert({ queue: receiptForSigner.name, jobId: receiptForSigner.jobId(payload), payload, usefulUntil }, transaction)]
  }

  return async ({ challenge, bySentCode, answeredBy = null, reservation }, signed, asking, transaction) => {
    if (!await challenges.consume(challenge, { bySentCode, commandId: asking.commandId, answeredBy }, transaction)) return undefined
    await receipts.insert(signed.claims, signed.receipt, transaction)
    await budgets.succeed(challenge.userId, challenge.sessionId, reservation?.id ?? null, transaction)
    // Who answers with a factor that was there has not lost it. The code of an enrolment proves none that was there before.
    const reset = challenge.enrolment === null ? await cancelReset(challenge.userId, answeredBy ?? challenge.factorId, transaction) : undefined
    if (reset !== undefined) await audit.append({ event: 'factor.reset_cancelled', subject: challenge.userId, actor: challenge.userId, requestId: asking.requestId, facts: { reset: reset.id, by: challenge.id } }, transaction)
    await audit.append(answeredRow(challenge, signed, asking), transaction)
    return await receiptRow(challenge, signed, asking, transaction)
  }
}
