/**
 * Proves by the code of a factor's own mailbox that an account may be deleted with its factors, and notes that on this service's record:
 * the job that wipes them later is only the gateway's word. Wipes nothing itself.
 */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type confirmFactorWipe } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { AnswerChallenge, RightAnswer } from '../challenges/answer-challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Codes } from '../challenges/codes.ts'
import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { FactorRepository } from './factor-repository.ts'
import { wipePurpose } from './wipe-action.ts'

type Request = RequestOf<typeof confirmFactorWipe>
type Reply = ReplyOf<typeof confirmFactorWipe>

export interface ConfirmWipeDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly factors: Pick<FactorRepository, 'emailOf' | 'listOf' | 'noteWipeProof'>
  readonly receipts: Pick<ReceiptRepository, 'ofChallenge'>
  readonly answering: AnswerChallenge
  readonly consume: ConsumeChallenge
  readonly codes: Pick<Codes, 'matches'>
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newReceiptId: () => string
}

export function createConfirmFactorWipe (deps: ConfirmWipeDeps) {
  const { factors, answering, consume, events, sign, transact, dispatch, newReceiptId } = deps

  /** @throws Problem factorProofRequired, codeRejected, factorLocked */
  return async ({ user_id: userId, session_id: sessionId, proof }: Request, asking: Asking): Promise<Reply> => {
    if (proof === undefined) {
      const all = await factors.listOf(userId)
      if (all.some(({ kind }) => kind === 'email_code')) throw new Problem(problems.factorProofRequired)
      // Nothing of theirs could show what is being confirmed.
      if (all.length > 0) throw new Problem(problems.factorProofRequired, { detail: 'The factors of this account have no e-mail address: remove them first (DELETE /api/v1/me/factors/:id), each on the proof of a factor.' })
      return { receipt: null }
    }
    const answerer = { aud: asking.caller, userId, sessionId }
    const repeated = await receiptOfRepetition(deps, proof, answerer, asking)
    if (repeated !== undefined) return { receipt: repeated }

    const right = await answering.answer({ challengeId: proof.challenge_id, purpose: wipePurpose, answerer, code: proof.code }, asking)
    const signed = await signFor(right)
    if (signed === undefined) throw await answering.reject(right, asking)
    const rows = await transact(async (transaction) => {
      const consumed = await consume(right, signed, asking, transaction)
      if (consumed !== undefined) await factors.noteWipeProof(userId, signed.claims.jti, transaction)
      return consumed
    })
    if (rows === undefined) throw await answering.reject(right, asking)

    events.accepted(right.challenge, right.answeredAt, asking.requestId)
    await dispatch(rows)
    return { receipt: signed.receipt }
  }

  /** Undefined when the mailbox was replaced since: a code that went to the old one proves nothing of the new one. */
  async function signFor ({ challenge, answeredAt }: RightAnswer) {
    const factor = await factors.emailOf(challenge.userId)
    if (factor === undefined || factor.id !== challenge.factorId) return undefined
    const claims = receiptClaims(challenge, { receiptId: newReceiptId(), factor, shown: true, answeredAt })
    return { claims, receipt: await sign(claims) }
  }
}

/** The reply to this very command was lost: the same command with the same code reads it again, and changes nothing. */
async function receiptOfRepetition ({ challenges, receipts, codes }: ConfirmWipeDeps, proof: NonNullable<Request['proof']>, answerer: Parameters<ChallengeRepository['findFor']>[1], { commandId }: Asking): Promise<string | undefined> {
  const challenge = await challenges.findFor(proof.challenge_id, answerer)
  if (challenge?.purpose !== wipePurpose || challenge.consumedBy !== commandId || !codes.matches(challenge, proof.code)) return undefined
  return (await receipts.ofChallenge(challenge.id))?.receipt
}
