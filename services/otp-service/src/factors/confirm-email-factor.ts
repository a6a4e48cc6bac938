/**
 * Proves an address by its code. A first address makes the user's factor root; a later one takes the place of the old one and its root,
 * and only with the code that went to the old one: whoever holds the session alone changes nothing.
 */
import { Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type confirmEmailFactor } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { AnswerChallenge, RightAnswer } from '../challenges/answer-challenge.ts'
import type { Answerer, Challenge } from '../challenges/challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Codes } from '../challenges/codes.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { ApplyEnrolment, Change, Proof } from './apply-enrolment.ts'
import type { Enrolment } from './enrolment.ts'
import { AlreadyEnrolled, normaliseAddress, type EmailFactor } from './factor.ts'
import type { FactorRepository } from './factor-repository.ts'

type Request = RequestOf<typeof confirmEmailFactor>
type Reply = ReplyOf<typeof confirmEmailFactor>

export interface ConfirmDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly factors: Pick<FactorRepository, 'emailOf' | 'ownerOf'>
  readonly receipts: Pick<ReceiptRepository, 'ofChallenge'>
  readonly answering: AnswerChallenge
  readonly applyEnrolment: ApplyEnrolment
  readonly codes: Pick<Codes, 'matches'>
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newReceiptId: () => string
  readonly newFactorRoot: () => string
}

/** The code of the old mailbox is there when a factor is being replaced. */
interface Proofs { readonly old?: RightAnswer, readonly fresh: RightAnswer }

export function createConfirmEmailFactor (deps: ConfirmDeps) {
  const { challenges, answering, applyEnrolment, transact, dispatch, events } = deps

  return async (request: Request, asking: Asking): Promise<Reply> => {
    const answerer: Answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const pending = await challenges.findFor(request.challenge_id, answerer)
    const repeated = await replyToRepetition(deps, request, asking, pending)
    if (repeated !== undefined) return repeated

    const proofs = await collectProofs(answering, request, asking, answerer, pending?.enrolment ?? null)
    const change = await prepare(deps, proofs)
    const rows = change && await transact(async (transaction) => await applyEnrolment(change, asking, transaction)).catch(unlessEnrolled)
    if (change === undefined || rows === undefined) throw await answering.reject(proofs.fresh, asking)

    for (const { right } of change.proofs) events.accepted(right.challenge, right.answeredAt, asking.requestId)
    await dispatch(rows)
    return replyOf(change.factor, change.receipt)
  }
}

/** The old mailbox is counted and compared first: a thief who owns the new one spends nothing but his own attempts there. */
async function collectProofs (answering: AnswerChallenge, request: Request, asking: Asking, answerer: Answerer, enrolment: Enrolment | null): Promise<Proofs> {
  const fresh = () => answering.answer({ challengeId: request.challenge_id, purpose: 'email_enrol', answerer, code: request.code }, asking)
  if (enrolment === null || enrolment.replaces === null) return { fresh: await fresh() }

  // Nothing is compared, so nothing is counted.
  if (request.existing_code === undefined) throw new Problem(problems.codeRejected)
  const old = await answering.answer({ challengeId: enrolment.replaces.challengeId, purpose: 'email_change', answerer, code: request.existing_code }, asking)
  await answering.release(old)
  return { old, fresh: await fresh() }
}

/** All that is signed and drawn before the transaction. Undefined when the factors are not what they were when the codes were sent. */
async function prepare ({ factors, sign, newReceiptId, newFactorRoot }: ConfirmDeps, { old, fresh }: Proofs): Promise<Change | undefined> {
  const { challenge, answeredAt } = fresh
  const { enrolment } = challenge
  const current = await factors.emailOf(challenge.userId)
  if (enrolment === null || current?.id !== enrolment.replaces?.factorId) return undefined
  // Whether the old code is asked for was decided by an earlier read; what counts is the challenge that was answered.
  if (old?.challenge.id !== enrolment.replaces?.challengeId) return undefined

  const besides = current === undefined ? await factors.ownerOf(challenge.userId) : undefined
  if (besides?.factorRoot !== enrolment.besides) return undefined

  // Beside others that showed their owner nothing, whoever was trusted to confirm by the old root has not agreed to this address.
  const factorRoot = current?.factorRoot ?? (enrolment.inherits === true ? besides?.factorRoot : undefined) ?? newFactorRoot()
  const prove = async (right: RightAnswer, provedAt: Date): Promise<Proof> => {
    const claims = receiptClaims(right.challenge, { receiptId: newReceiptId(), factor: { kind: 'email_code', factorRoot, provedAt }, shown: true, answeredAt: right.answeredAt })
    return { right, signed: { claims, receipt: await sign(claims) } }
  }
  const own = await prove(fresh, answeredAt)
  return {
    factor: {
      id: enrolment.factorId,
      userId: challenge.userId,
      kind: 'email_code',
      address: enrolment.address,
      addressNormalised: normaliseAddress(enrolment.address),
      provedAt: answeredAt,
      factorRoot
    },
    replaces: current,
    besides: besides?.factorRoot,
    provedBy: enrolment.provedBy,
    proofs: [...old !== undefined && current !== undefined ? [await prove(old, current.provedAt)] : [], own],
    receipt: own.signed.receipt
  }
}

function unlessEnrolled (error: unknown): undefined {
  if (!(error instanceof AlreadyEnrolled)) throw error
}

/** The reply to this very command was lost: the same command with the same code reads it again, and changes nothing. */
async function replyToRepetition ({ factors, receipts, codes }: ConfirmDeps, { code }: Request, { commandId }: Asking, challenge: Challenge | undefined): Promise<Reply | undefined> {
  if (challenge === undefined || challenge.consumedBy !== commandId || !codes.matches(challenge, code)) return undefined
  const [factor, receipt] = await Promise.all([factors.emailOf(challenge.userId), receipts.ofChallenge(challenge.id)])
  if (factor?.id !== challenge.enrolment?.factorId || factor === undefined || receipt === undefined) return undefined
  return replyOf(factor, receipt.receipt)
}

const replyOf = ({ id, address, provedAt }: EmailFactor, receipt: string): Reply => ({ factor_id: id, email: address, proved_at: provedAt.toISOString(), receipt })
