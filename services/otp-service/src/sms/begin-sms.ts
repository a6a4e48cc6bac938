/** Sends a code to the telephone number that a user wants to prove. Beside other factors it takes the proof of one of them, which showed the number. */
import { Problem, problems, type ReplyOf, type RequestOf, type beginSms } from '@countersign/contracts'
import { isDuplicateKey, type Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import { onePerCommand, type ChallengeRepository } from '../challenges/challenge-repository.ts'
import { sentView } from '../challenges/challenge-view.ts'
import type { Challenge, NewChallenge } from '../challenges/challenge.ts'
import { writeCodeSms } from '../challenges/code-sms.ts'
import type { Codes } from '../challenges/codes.ts'
import { admitShown } from '../factors/admit-shown.ts'
import type { Enrolment } from '../factors/enrolment.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Dispatch, Transact, Transaction } from '../transaction.ts'
import type { AdmitAddress } from './admit-number.ts'
import { smsAction, smsEnrolPurpose } from './sms-action.ts'
import type { SmsWriter } from './sms-writer.ts'

type Request = RequestOf<typeof beginSms>

export interface BeginSmsDeps {
  readonly factors: Pick<FactorRepository, 'listOf' | 'ownerOf'>
  readonly checks: FactorChecks
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly challenges: Pick<ChallengeRepository, 'findByCommand' | 'insert' | 'cancelOwn'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly texts: SmsWriter
  readonly admit: AdmitAddress
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newChallengeId: () => string
  readonly newFactorId: () => string
  readonly ttlSeconds: number
  readonly maxAttempts: number
}

export function createBeginSms (deps: BeginSmsDeps) {
  const { factors, checks, stepUps, challenges, budgets, codes, texts, admit, sendLimit, audit, events, transact, dispatch, newChallengeId, newFactorId, ttlSeconds, maxAttempts } = deps

  /** What a right code will do, as the factors that are there allow it. */
  const enrolmentOf = async (request: Request, asking: Asking, transaction: Transaction): Promise<Enrolment> => {
    const { user_id: userId, session_id: sessionId, phone_number: number, name, step_up: stepUpId } = request
    const enrolment = { factorId: newFactorId(), address: number, replaces: null, ...name !== undefined && { name } }
    const owner = await factors.ownerOf(userId, transaction)
    if (owner === undefined) return enrolment
    const { factor: proof } = await stepUps.use({ userId, sessionId, stepUpId, action: { type: 'factors.add_sms', resource_id: number } }, asking, transaction)
    const admitted = admitShown(proof, await factors.listOf(userId, transaction), checks)
    if (admitted === undefined) throw new Problem(problems.stateConflict, { detail: 'A telephone number is added only with a proof that showed it.' })
    return { ...enrolment, besides: owner.factorRoot, provedBy: proof.id, ...admitted === 'inherits root' && { inherits: true } }
  }

  const send = async (request: Request, asking: Asking, takeSend: () => Promise<void>) => await transact(async (transaction) => {
    const enrolment = await enrolmentOf(request, asking, transaction)
    const draft = draftOf(request, asking, enrolment, newChallengeId())
    const { code, ...stored } = codes.draw(draft)
    await challenges.cancelOwn({ aud: asking.caller, userId: request.user_id, sessionId: request.session_id }, [smsEnrolPurpose], transaction)
    const challenge = await challenges.insert({ ...draft, ...stored, attemptsMax: maxAttempts }, ttlSeconds, transaction)
    if (challenge === undefined) throw new Error('a fresh challenge id was taken')
    const row = await writeCodeSms(texts, challenge, code, asking.requestId, transaction)
    // After the insert: of repeats in parallel only the one that sends a code pays for it.
    await takeSend()
    await audit.append({
      event: 'factor.enrolment_begun', subject: request.user_id, actor: request.user_id, requestId: asking.requestId,
      facts: { factor: enrolment.factorId, kind: 'sms', challenges: [challenge.id], session: request.session_id, step_up: request.step_up ?? null }
    }, transaction)
    return { challenge, row }
  })

  /** @throws Problem numberNotServed, stepUpRequired when the user has a factor, stateConflict when one of this kind is there, factorLocked, sendLimited */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof beginSms>> => {
    const repeated = async () => sameOrConflict(await challenges.findByCommand(asking.caller, asking.commandId), request)
    const earlier = await repeated()
    if (earlier !== undefined) return sentView(earlier)

    admit(request.phone_number)
    const lock = await budgets.lockOf(request.user_id, request.session_id)
    if (isLocked(lock)) throw lockedProblem(lock)
    if ((await factors.listOf(request.user_id)).some(({ kind }) => kind === 'sms')) throw new Problem(problems.stateConflict, { detail: 'There is a telephone number already: remove it first.' })
    const takeSend = sendLimit.taking([{ to: 'enrolment', userId: request.user_id, address: request.phone_number, place: request.place, own: true }])

    const sent = await send(request, asking, takeSend).catch(async (error: unknown) => {
      // The same command raced this one and was first.
      const first = isDuplicateKey(error, onePerCommand) ? await repeated() : undefined
      if (first === undefined) throw error
      return { challenge: first, row: undefined }
    })
    if (sent.row !== undefined) {
      events.sent(sent.challenge, asking.requestId)
      await dispatch([sent.row])
    }
    return sentView(sent.challenge)
  }
}

function draftOf ({ user_id: userId, session_id: sessionId, phone_number: number }: Request, { caller, commandId }: Asking, enrolment: Enrolment, id: string): Omit<NewChallenge, 'codeMac' | 'pepperId' | 'attemptsMax'> {
  const { digest, text } = smsAction(userId, number)
  return {
    id, userId, sessionId, commandId, text, shortText: text, enrolment, aud: caller, purpose: smsEnrolPurpose, factorId: null, address: number, actionDigest: digest, fingerprint: digest, actionEndsAt: null
  }
}

/** A command id names one request of one session. */
function sameOrConflict ([challenge]: Challenge[], request: Request): Challenge | undefined {
  if (challenge === undefined) return undefined
  const same = challenge.purpose === smsEnrolPurpose && challenge.userId === request.user_id && challenge.sessionId === request.session_id && challenge.enrolment?.address === request.phone_number
  if (!same) throw new Problem(problems.stateConflict)
  return challenge
}
