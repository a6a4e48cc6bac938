/**
 * Answers a question with the signature of a wallet over the action itself. The right one gives exactly one receipt, for its asker alone. A
 * wrong one spends no attempt and no budget, and no budget keeps a right one out: there is nothing to guess.
 */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type answerByWallet } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { ChallengeEvents, RejectionClass } from '../challenges/challenge-events.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import { mayAnswer } from '../challenges/may-answer.ts'
import { createReceiptOfRepetition, type ReceiptOfRepetitionDeps } from '../challenges/receipt-of-repetition.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { isContract } from './factor-wallet.ts'
import type { WalletLimit } from './wallet-limit.ts'
import { questionOf, type WalletQuestions } from './wallet-questions.ts'

export interface AnswerByWalletDeps {
  readonly purpose: ReceiptOfRepetitionDeps['purpose']
  readonly factors: Pick<FactorRepository, 'find'>
  readonly challenges: ReceiptOfRepetitionDeps['challenges'] & Pick<ChallengeRepository, 'findSignable'>
  readonly receipts: ReceiptOfRepetitionDeps['receipts']
  readonly questions: Pick<WalletQuestions, 'judge'>
  readonly limit: WalletLimit
  readonly consume: ConsumeChallenge
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'accepted' | 'rejected'>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newReceiptId: () => string
}

type Request = RequestOf<typeof answerByWallet>

export const createAnswerByWallet = (deps: AnswerByWalletDeps) => {
  const { purpose, factors, challenges, questions, limit, consume, sign, audit, events, transact, dispatch, newReceiptId } = deps
  const receiptOfRepetition = createReceiptOfRepetition(deps)

  const refuse = async ({ challenge_id: challengeId, user_id: userId, session_id: session, factor_id: factor }: Request, { caller: aud, requestId }: Asking, reason: RejectionClass, detail: string): Promise<Problem> => {
    events.rejected(purpose, reason, { challengeId, userId, requestId, detail })
    await audit.append({ event: 'challenge.rejected', subject: challengeId, actor: userId, requestId, facts: { reason, detail, purpose, aud, session, kind: 'wallet', factor } })
    return new Problem(problems.proofRejected)
  }

  /** @throws Problem proofRejected, alike for every reason; rateLimited, unavailable */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof answerByWallet>> => {
    const { challenge_id: challengeId, factor_id: factorId, user_id: userId, session_id: sessionId, signature, public_key: publicKey } = request
    const answerer = { aud: asking.caller, userId, sessionId }
    const repeated = await receiptOfRepetition(challengeId, answerer, asking)
    if (repeated !== undefined) return { receipt: repeated }

    await limit({ userId, sessionId })
    const [found, factor] = await Promise.all([challenges.findSignable(challengeId, purpose, answerer), factors.find(userId, factorId)])
    if (found === undefined || factor?.kind !== 'wallet') throw await refuse(request, asking, 'unknown', 'no such question or wallet')
    const { challenge, now: answeredAt } = found
    if (!mayAnswer(challenge, factor)) throw await refuse(request, asking, 'unknown', 'no wallet answers this')
    const verdict = await questions.judge(factor.wallet, questionOf(challenge), { signature, ...publicKey !== undefined && { publicKey } }, isContract(factor.account))
    if (verdict.outcome === 'unavailable') throw new Problem(problems.unavailable, { retry_after: 1 })
    if (verdict.outcome === 'refused') throw await refuse(request, asking, 'wrong', verdict.reason)
    // The delegate of an account is not its key, and a contract on another chain is not this one.
    if (verdict.identity.id !== factor.account) throw await refuse(request, asking, 'wrong', 'signed by another account')

    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: true, answeredAt })
    const receipt = await sign(claims)
    const rows = await transact(async (transaction) => {
      // It may have been removed while it was signing.
      if (await factors.find(userId, factor.id, transaction) === undefined) return undefined
      return await consume({ challenge, bySentCode: false, answeredBy: factor.id }, { claims, receipt }, asking, transaction)
    })
    if (rows === undefined) throw await refuse(request, asking, 'late', 'answered before')

    events.accepted(challenge, answeredAt, asking.requestId)
    await dispatch(rows)
    return { receipt }
  }
}
