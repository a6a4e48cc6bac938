/** Answers a code of the earlier OTP system. Its receipt stays in this service: nobody can take it for the proof of an action. */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type verifyEarlierOtp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { AnswerChallenge } from '../challenges/answer-challenge.ts'
import type { Challenge } from '../challenges/challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Codes } from '../challenges/codes.ts'
import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { earlierOtpChallenge, purposeOf } from './earlier-otp-action.ts'

type Reply = ReplyOf<typeof verifyEarlierOtp>

export interface VerifyEarlierOtpDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor' | 'newestOwn'>
  readonly factors: Pick<FactorRepository, 'find'>
  readonly answering: AnswerChallenge
  readonly consume: ConsumeChallenge
  readonly codes: Pick<Codes, 'matches'>
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly newReceiptId: () => string
  readonly newChallengeId: () => string
}

export const createVerifyEarlierOtp = ({ challenges, factors, answering, consume, codes, sign, transact, dispatch, events, newReceiptId, newChallengeId }: VerifyEarlierOtpDeps) =>
  /** @throws Problem codeRejected, alike for every reason, or factorLocked to the challenge's own answerer */
  async ({ user_id: userId, session_id: sessionId, challenge_id: named, code }: RequestOf<typeof verifyEarlierOtp>, asking: Asking): Promise<Reply> => {
    const answerer = { aud: asking.caller, userId, sessionId }
    const meant = named === undefined ? (await challenges.newestOwn(answerer, { purpose: earlierOtpChallenge }))?.challenge : await challenges.findFor(named, answerer)
    // The reply to this very command was lost: it is told again, and nothing changes.
    if (meant?.purpose === earlierOtpChallenge && meant.consumedBy === asking.commandId && codes.matches(meant, code)) return replyOf(meant)

    // Where there is none, one that nobody has: it is refused like any other, after as much work.
    const right = await answering.answer({ challengeId: meant?.id ?? named ?? newChallengeId(), purpose: earlierOtpChallenge, answerer, code }, asking)
    const { challenge, answeredAt } = right
    // The mailbox may have been replaced since.
    const factor = await factors.find(userId, challenge.factorId ?? '')
    if (factor === undefined) throw await answering.reject(right, asking)

    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: true, answeredAt })
    const receipt = await sign(claims)
    const rows = await transact(async (transaction) => await consume(right, { claims, receipt }, asking, transaction))
    if (rows === undefined) throw await answering.reject(right, asking)

    events.accepted(challenge, answeredAt, asking.requestId)
    await dispatch(rows)
    return replyOf(challenge)
  }

function replyOf (challenge: Challenge): Reply {
  const purpose = purposeOf(challenge)
  if (purpose === undefined) throw new Problem(problems.codeRejected)
  return { challenge_id: challenge.id, purpose }
}
