/**
 * Answers a question with a code: of a mail, a text message, an app or a list of recovery codes. The right answer to a pending one gives
 * exactly one receipt, for its asker alone.
 */
import { Problem, problems, type ReceiptClaims } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { ConsumeStepUp } from '../step-ups/consume-step-ups.ts'
import { AlreadyAnswered, type AnswerChallenge } from './answer-challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import { mayAnswer } from './may-answer.ts'
import { createReceiptOfRepetition, type ReceiptOfRepetitionDeps } from './receipt-of-repetition.ts'

export interface VerifyChallengeDeps extends ReceiptOfRepetitionDeps {
  readonly factors: Pick<FactorRepository, 'find'>
  readonly checks: FactorChecks
  readonly answering: AnswerChallenge
  readonly consume: ConsumeStepUp
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly newReceiptId: () => string
}

export interface CodeGiven {
  readonly challengeId: string
  readonly userId: string
  readonly sessionId: string
  /** Undefined: the factor that the code was sent to. */
  readonly factorId: string | undefined
  readonly code: string
}

export const createVerifyChallenge = (deps: VerifyChallengeDeps) => {
  const { purpose, challenges, factors, checks, answering, consume, sign, events, newReceiptId } = deps
  const receiptOfRepetition = createReceiptOfRepetition(deps)

  /** @throws Problem codeRejected, alike for every reason, factorLocked to the challenge's own answerer, stateConflict for a factor that no code answers for */
  return async ({ challengeId, userId, sessionId, factorId, code }: CodeGiven, asking: Asking): Promise<{ readonly receipt: string }> => {
    const answerer = { aud: asking.caller, userId, sessionId }
    // One that was replaced since is not there any more, and a code that went to it proves nothing of the new one.
    const factorOf = async (named: string | undefined) => named === undefined ? undefined : await factors.find(userId, named)
    const repetition = async () => await receiptOfRepetition(challengeId, answerer, asking)
    const [repeated, given] = await Promise.all([repetition(), factorOf(factorId)])
    if (repeated !== undefined) return { receipt: repeated }

    const factor = factorId === undefined ? await factorOf((await challenges.findFor(challengeId, answerer))?.factorId ?? undefined) : given
    const judge = factor && checks[factor.kind].judge
    // Nothing is compared, so nothing is paid for.
    if (factor !== undefined && judge === undefined) throw new Problem(problems.stateConflict, { detail: 'This factor answers by a signature.' })
    const right = await answering.answer({
      challengeId, purpose, answerer, code, repeatable: true, ...factor !== undefined && checks[factor.kind].unguessable === true && { uncharged: true as const },
      judge: async (challenge) => factor === undefined || judge === undefined || !mayAnswer(challenge, factor) ? 'wrong' : await judge(challenge, factor, code)
    }, asking).catch(unlessAnswered)
    if (right === undefined) return { receipt: await repetition() ?? failNoReceipt() }
    if (factor === undefined) throw await answering.reject(right, asking)

    const { challenge, answeredAt } = right
    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: checks[factor.kind].shown, answeredAt })
    const receipt = await sign(claims)
    if (!await consume({ right: { ...right, answeredBy: factor.id }, signed: { claims, receipt }, asking })) {
      // The same command, twice at the same time: the other one was first.
      const first = await repetition()
      if (first === undefined) throw await answering.reject(right, asking)
      await answering.release(right)
      return { receipt: first }
    }

    events.accepted(challenge, answeredAt, asking.requestId)
    return { receipt }
  }
}

function unlessAnswered (error: unknown): undefined {
  if (!(error instanceof AlreadyAnswered)) throw error
}

function failNoReceipt (): never {
  throw new Error('an answered challenge has no receipt')
}
