/** Answers a step-up with one of the user's factors. The right answer to a pending one gives exactly one receipt, for the gateway alone. */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type verifyStepUp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { AnswerChallenge } from '../challenges/answer-challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { ConsumeStepUp } from './consume-step-ups.ts'
import { createReceiptOfRepetition, type ReceiptOfRepetitionDeps } from './receipt-of-repetition.ts'
import { stepUpPurpose } from './step-up-purpose.ts'

export interface VerifyStepUpDeps extends ReceiptOfRepetitionDeps {
  readonly factors: Pick<FactorRepository, 'find'>
  readonly checks: FactorChecks
  readonly answering: AnswerChallenge
  readonly consumeStepUp: ConsumeStepUp
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly newReceiptId: () => string
}

export const createVerifyStepUp = (deps: VerifyStepUpDeps) => {
  const { factors, checks, answering, consumeStepUp, sign, events, newReceiptId } = deps
  const receiptOfRepetition = createReceiptOfRepetition(deps)

  /** @throws Problem codeRejected, alike for every reason, factorLocked to the challenge's own answerer, stateConflict for a factor that no code answers for */
  return async ({ challenge_id: challengeId, user_id: userId, session_id: sessionId, proof }: RequestOf<typeof verifyStepUp>, asking: Asking): Promise<ReplyOf<typeof verifyStepUp>> => {
    const answerer = { aud: asking.caller, userId, sessionId }
    const repeated = await receiptOfRepetition(challengeId, answerer, asking)
    if (repeated !== undefined) return { receipt: repeated }

    const factor = await factors.find(userId, proof.factor_id)
    const judge = factor && checks[factor.kind].judge
    // Nothing is compared, so nothing is paid for.
    if (factor !== undefined && judge === undefined) throw new Problem(problems.stateConflict, { detail: 'This factor answers by a signature.' })
    const right = await answering.answer({
      challengeId, purpose: stepUpPurpose, answerer, code: proof.code, ...factor !== undefined && checks[factor.kind].unguessable === true && { uncharged: true as const },
      judge: async (challenge) => factor === undefined || judge === undefined ? 'wrong' : await judge(challenge, factor, proof.code)
    }, asking)
    if (factor === undefined) throw await answering.reject(right, asking)

    const { challenge, answeredAt } = right
    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: checks[factor.kind].shown, answeredAt })
    const receipt = await sign(claims)
    if (!await consumeStepUp({ right: { ...right, answeredBy: factor.id }, signed: { claims, receipt }, asking })) throw await answering.reject(right, asking)

    events.accepted(challenge, answeredAt, asking.requestId)
    return { receipt }
  }
}
