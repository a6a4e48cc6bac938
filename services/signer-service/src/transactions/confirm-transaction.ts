/** Confirm: the answer goes to otp-service, its receipt comes back and is judged here. Idempotent by state. */
import { Problem, problems, type TransactionProof } from '@countersign/contracts'
import type { CrashPoint } from '../crash-points.ts'
import type { AcceptReceipt } from '../receipts/accept-receipt.ts'
import { answerChallenge, refusalOfProof, type AnswerDoor } from './answer-challenge.ts'
import type { Asking } from './asking.ts'
import type { ExpireTransaction } from './expire-transactions.ts'
import { findOwn } from './find-own.ts'
import { isUnavailable, type RequestConfirmation } from './request-confirmation.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { Countersigned } from './transaction.ts'

export interface ConfirmDeps<Row extends Countersigned, View> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'find'>
  readonly view: (row: Row) => Promise<View>
  readonly expire: ExpireTransaction
  readonly requestConfirmation: RequestConfirmation<Row>
  readonly otp: AnswerDoor
  readonly acceptReceipt: AcceptReceipt
  readonly crashPoint: CrashPoint
}

export const createConfirmTransaction = <Row extends Countersigned, View>({ transactions, view, expire, requestConfirmation, otp, acceptReceipt, crashPoint }: ConfirmDeps<Row, View>) =>
  async ({ id, proof }: { readonly id: string, readonly proof: TransactionProof }, asking: Asking): Promise<View> => {
    const { userId, sessionId, requestId } = asking
    const own = await findOwn(transactions, id, userId)
    // It waits for approvals or for time alone.
    const proved = own.requirements !== null && !own.missing.includes('proof')
    if (own.state !== 'awaiting_confirmation' || proved) return await view(own)
    if (await expire(own)) return await view(await findOwn(transactions, id, userId))
    if (own.confirmation.asked === null) {
      // otp-service was away when the transaction was made: nothing can be right yet, but a code may be on its way now.
      const { confirmation } = await requestConfirmation(own, asking)
      throw new Problem(problems.codeRejected, { challenge_id: confirmation.challengeId })
    }
    await crashPoint('confirm.received')
    try {
      const receipt = await answerChallenge(otp, own, proof, sessionId, { requestId })
      await crashPoint('confirm.verified')
      const outcome = await acceptReceipt(receipt, { requestId, via: 'reply' })
      if (outcome === 'refused') throw refusalOfProof(proof)
    } catch (error) {
      // Another confirm with the same answer, or the receipt's own job, may have been faster; then there is nothing to refuse.
      const now = await findOwn(transactions, id, userId)
      if ((now.state === 'awaiting_confirmation' && now.missing.includes('proof')) || !(isUnavailable(error) || isRejected(error))) throw error
    }
    return await view(await findOwn(transactions, id, userId))
  }

const isRejected = (error: unknown): boolean => error instanceof Problem && (error.kind === problems.codeRejected || error.kind === problems.proofRejected)
