/** Adds a telephone number, proved by the code that went there. */
import type { ReceiptClaims, ReplyOf, RequestOf, confirmSms } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { AnswerChallenge, RightAnswer } from '../challenges/answer-challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Answerer, Challenge } from '../challenges/challenge.ts'
import type { Codes } from '../challenges/codes.ts'
import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, type Factor, type SmsFactor } from '../factors/factor.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { smsEnrolPurpose } from './sms-action.ts'

type Request = RequestOf<typeof confirmSms>

export interface ConfirmSmsDeps {
  readonly challenges: Pick<ChallengeRepository, 'findFor'>
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'ownerOf' | 'enrolFirst' | 'add' | 'renewRoot'>
  readonly checks: FactorChecks
  readonly answering: AnswerChallenge
  readonly consume: ConsumeChallenge
  readonly codes: Pick<Codes, 'matches'>
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newReceiptId: () => string
  readonly newFactorRoot: () => string
}

export function createConfirmSms (deps: ConfirmSmsDeps) {
  const { factors, checks, answering, consume, notices, audit, events, sign, transact, dispatch, newReceiptId } = deps

  const enrol = async (right: RightAnswer, { factor, besides, provedBy }: NewNumber, asking: Asking) => {
    const claims = receiptClaims(right.challenge, { receiptId: newReceiptId(), factor, shown: true, answeredAt: right.answeredAt })
    const receipt = await sign(claims)
    return await transact(async (transaction) => {
      const rows = await consume(right, { claims, receipt }, asking, transaction)
      if (rows === undefined) throw new AlreadyEnrolled()
      const all = await factors.listOf(factor.userId, transaction)
      // What was taken away meanwhile proved nothing.
      if (provedBy !== undefined && !all.some(({ id }) => id === provedBy)) throw new AlreadyEnrolled()
      if (besides === undefined) await factors.enrolFirst(factor, transaction)
      else {
        if (besides !== factor.factorRoot) await factors.renewRoot(factor.userId, besides, factor.factorRoot, transaction)
        await factors.add(factor, transaction)
      }
      rows.push(...await notices.write({ change: 'added', factor, all, at: factor.provedAt, requestId: asking.requestId }, transaction))
      await audit.append({
        event: 'factor.enrolled', subject: factor.userId, actor: factor.userId, requestId: asking.requestId, facts: { factor: factor.id, kind: 'sms', challenges: [right.challenge.id] }
      }, transaction)
      return rows
    }).catch(unlessEnrolled)
  }

  /** @throws Problem codeRejected, alike for every reason, or factorLocked */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof confirmSms>> => {
    const answerer: Answerer = { aud: asking.caller, userId: request.user_id, sessionId: request.session_id }
    const repeated = await factorOfRepetition(deps, request, answerer, asking)
    if (repeated !== undefined) return { factor: factorView(repeated, checks) }

    const right = await answering.answer({ challengeId: request.challenge_id, purpose: smsEnrolPurpose, answerer, code: request.code }, asking)
    const made = await newNumber(deps, right)
    const rows = made && await enrol(right, made, asking)
    if (made === undefined || rows === undefined) throw await answering.reject(right, asking)

    events.accepted(right.challenge, right.answeredAt, asking.requestId)
    notices.note({ change: 'added', factor: made.factor, requestId: asking.requestId })
    await dispatch(rows)
    return { factor: factorView(made.factor, checks) }
  }
}

interface NewNumber {
  readonly factor: SmsFactor
  /** The root beside which it stands; undefined for a first factor. */
  readonly besides: string | undefined
  readonly provedBy: string | undefined
}

/** Undefined when the factors are not those beside which it was begun: whatever proved that it may be added proves nothing beside others. */
async function newNumber ({ factors, newFactorRoot }: Pick<ConfirmSmsDeps, 'factors' | 'newFactorRoot'>, { challenge, answeredAt }: RightAnswer): Promise<NewNumber | undefined> {
  const { enrolment, userId } = challenge
  const owner = await factors.ownerOf(userId)
  if (enrolment === null || owner?.factorRoot !== enrolment.besides) return undefined
  // Beside factors that showed their owner nothing it makes a new root: whoever was trusted to confirm by the old one has not agreed to this number.
  const factorRoot = owner !== undefined && enrolment.inherits === true ? owner.factorRoot : newFactorRoot()
  return { factor: { id: enrolment.factorId, userId, kind: 'sms', number: enrolment.address, name: enrolment.name ?? null, provedAt: answeredAt, factorRoot }, besides: owner?.factorRoot, provedBy: enrolment.provedBy }
}

function unlessEnrolled (error: unknown): undefined {
  if (!(error instanceof AlreadyEnrolled)) throw error
}

/** The reply to this very command was lost: the same command with the same code reads it again, and changes nothing. */
async function factorOfRepetition ({ challenges, factors, codes }: ConfirmSmsDeps, { challenge_id: id, code }: Request, answerer: Answerer, { commandId }: Asking): Promise<Factor | undefined> {
  const challenge: Challenge | undefined = await challenges.findFor(id, answerer)
  if (challenge?.purpose !== smsEnrolPurpose || challenge.consumedBy !== commandId || challenge.enrolment === null || !codes.matches(challenge, code)) return undefined
  return await factors.find(answerer.userId, challenge.enrolment.factorId)
}
