/**
 * Answers a challenge about a transaction. The right code of a pending challenge gives exactly one receipt; the same code again is
 * refused like any other, and whoever lost the reply gets the receipt by its job.
 */
import type { ReceiptClaims, ReplyOf, RequestOf, verifyChallenge } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { AnswerChallenge } from './answer-challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import type { ConsumeChallenge } from './consume-challenge.ts'

export interface VerifyDeps {
  readonly answering: AnswerChallenge
  readonly consume: ConsumeChallenge
  readonly factors: Pick<FactorRepository, 'emailOf'>
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly newReceiptId: () => string
}

export const createVerifyChallenge = ({ answering, consume, factors, sign, transact, dispatch, events, newReceiptId }: VerifyDeps) =>
  async (request: RequestOf<typeof verifyChallenge>, asking: Asking): Promise<ReplyOf<typeof verifyChallenge>> => {
    const answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const right = await answering.answer({ challengeId: request.challenge_id, purpose: 'transaction', answerer, code: request.code }, asking)
    const { challenge, answeredAt } = right

    // The mailbox may have been replaced since; a code that went to the old one proves nothing of the new one.
    const factor = await factors.emailOf(challenge.userId)
    if (factor === undefined || factor.id !== challenge.factorId) throw await answering.reject(right, asking)

    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: true, answeredAt })
    const receipt = await sign(claims)
    const rows = await transact(async (transaction) => await consume(right, { claims, receipt }, asking, transaction))
    if (rows === undefined) throw await answering.reject(right, asking)

    events.accepted(challenge, answeredAt, asking.requestId)
    await dispatch(rows)
    return { receipt }
  }
