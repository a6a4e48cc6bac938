/**
 * Answers a question with a passkey. Nobody guesses a signature: no attempt is paid for and no budget of codes is asked, so that the wrong codes
 * of a thief lock no passkey out, and what is refused here locks no code.
 */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type verifyPasskeyStepUp } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { ChallengeEvents, RejectionClass } from '../challenges/challenge-events.ts'
import type { ChallengeRepository, FoundChallenge } from '../challenges/challenge-repository.ts'
import type { Answerer } from '../challenges/challenge.ts'
import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import { mayAnswer } from '../challenges/may-answer.ts'
import { createReceiptOfRepetition, type ReceiptOfRepetitionDeps } from '../challenges/receipt-of-repetition.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { PasskeyFactor } from '../factors/factor.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { passkeyCheck } from './passkey-check.ts'
import { CounterWentBack, PasskeyGone, type RecordUse, type ReportCounter } from './passkey-uses.ts'
import type { PasskeyQuestions } from './passkey-questions.ts'
import type { PasskeyUse, RelyingParty } from './relying-party.ts'

type Request = RequestOf<typeof verifyPasskeyStepUp>

export interface AnswerByPasskeyDeps extends ReceiptOfRepetitionDeps {
  readonly factors: Pick<FactorRepository, 'findPasskey'>
  readonly challenges: Pick<ChallengeRepository, 'findFor' | 'findSignable'>
  readonly passkeyQuestions: Pick<PasskeyQuestions, 'all'>
  readonly party: Pick<RelyingParty, 'checkAsserted'>
  readonly recordUse: RecordUse
  readonly reportCounter: ReportCounter
  readonly consume: ConsumeChallenge
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'accepted' | 'rejected'>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newReceiptId: () => string
}

interface Answered extends FoundChallenge {
  readonly passkey: PasskeyFactor
  readonly use: PasskeyUse
}

export const createAnswerByPasskey = (deps: AnswerByPasskeyDeps) => {
  const { purpose, factors, challenges, passkeyQuestions, party, recordUse, reportCounter, consume, sign, audit, events, transact, dispatch, newReceiptId } = deps
  const receiptOfRepetition = createReceiptOfRepetition(deps)

  /** @throws Problem proofRejected, alike for every reason */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof verifyPasskeyStepUp>> => {
    const answerer: Answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const repeated = await receiptOfRepetition(request.challenge_id, answerer, asking)
    if (repeated !== undefined) return { receipt: repeated }

    const answered = await check(request, answerer, asking)
    const { challenge, now, passkey } = answered
    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor: passkey, shown: passkeyCheck.shown, answeredAt: now })
    const signed = { claims, receipt: await sign(claims) }
    const rows = await transact(async (transaction) => {
      const written = await consume({ challenge, bySentCode: false, answeredBy: passkey.id }, signed, asking, transaction)
      // After the challenge: the same answer sent twice is late, and no copy of the passkey.
      if (written !== undefined) await recordUse(passkey.id, answered.use, transaction)
      return written
    }).catch(unlessRefused(answered, asking))
    if (rows === undefined) throw await refuse('late', request, answerer, asking)

    events.accepted(challenge, now, asking.requestId)
    await dispatch(rows)
    return { receipt: signed.receipt }
  }

  async function check (request: Request, answerer: Answerer, asking: Asking): Promise<Answered> {
    const { challenge_id: challengeId, credential } = request
    const [found, known] = await Promise.all([challenges.findSignable(challengeId, purpose, answerer), factors.findPasskey(credential.id)])
    const { userHandle } = credential.response
    const passkey = known?.userId === answerer.userId && (typeof userHandle !== 'string' || userHandle === known.userHandle) ? known : undefined
    if (found === undefined || passkey === undefined || !mayAnswer(found.challenge, passkey)) throw await refuse(found === undefined ? 'unknown' : 'wrong', request, answerer, asking)
    const checked = await party.checkAsserted(credential, passkey, passkeyQuestions.all(found.challenge))
    if ('refused' in checked) throw await refuse('wrong', request, answerer, asking, checked.refused)
    return { ...found, passkey, use: checked.right }
  }

  function unlessRefused ({ challenge, passkey, use }: Answered, { requestId }: Asking) {
    return async (error: unknown): Promise<undefined> => {
      if (error instanceof CounterWentBack) await reportCounter({ passkey, kept: error.kept, told: use.counter, challengeId: challenge.id, requestId })
      else if (!(error instanceof PasskeyGone)) throw error
    }
  }

  async function refuse (reason: RejectionClass, { challenge_id: challengeId }: Request, { aud, userId, sessionId }: Answerer, { requestId }: Asking, detail?: string): Promise<Problem> {
    events.rejected(purpose, reason, { challengeId, userId, requestId, ...detail !== undefined && { detail } })
    await audit.append({ event: 'challenge.rejected', subject: challengeId, actor: userId, requestId, facts: { reason, purpose, aud, session: sessionId, kind: 'passkey' } })
    return new Problem(problems.proofRejected)
  }
}
