/** Sends a code to the address that a user wants to prove, and a second one to the address that he has proved before. */
import { Problem, problems, type ReplyOf, type RequestOf, type beginEmailFactor } from '@countersign/contracts'
import { isDuplicateKey, type Audit, type OutboxRow } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { Challenge, NewChallenge } from '../challenges/challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import { onePerCommand, type ChallengeRepository } from '../challenges/challenge-repository.ts'
import { writeCodeMail } from '../challenges/code-mail.ts'
import type { Codes } from '../challenges/codes.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Dispatch, Transact, Transaction } from '../transaction.ts'
import { admitShown } from './admit-shown.ts'
import { changeAction, enrolAction, type Action, type EmailPurpose } from './enrolment.ts'
import { maskAddress, normaliseAddress, type EmailFactor } from './factor.ts'
import type { FactorChecks } from './factor-check.ts'
import type { FactorRepository } from './factor-repository.ts'

type Request = RequestOf<typeof beginEmailFactor>
type Reply = ReplyOf<typeof beginEmailFactor>

export interface BeginDeps {
  readonly factors: Pick<FactorRepository, 'emailOf' | 'ownerOf' | 'listOf'>
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly checks: FactorChecks
  readonly challenges: Pick<ChallengeRepository, 'findByCommand' | 'insert' | 'cancelOwn'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly mails: MailWriter
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

const enrolmentPurposes: readonly EmailPurpose[] = ['email_enrol', 'email_change']

interface Sent { readonly challenge: Challenge, readonly row: OutboxRow }

export function createBeginEmailFactor (deps: BeginDeps) {
  const { factors, stepUps, checks, challenges, budgets, codes, mails, sendLimit, audit, events, transact, dispatch, newChallengeId, newFactorId, ttlSeconds, maxAttempts } = deps

  const send = async (challenge: Draft, asking: Asking, transaction: Transaction): Promise<Sent> => {
    const { code, ...stored } = codes.draw(challenge)
    const made = await challenges.insert({ ...challenge, ...stored, attemptsMax: maxAttempts }, ttlSeconds, transaction)
    if (made === undefined) throw new Error('a fresh challenge id was taken')
    return { challenge: made, row: await writeCodeMail(mails, made, code, asking.requestId, transaction) }
  }

  /** Beside factors without an address, on the proof of one of them. */
  const admit = async ({ user_id: userId, session_id: sessionId, email, step_up: stepUpId }: Request, asking: Asking, transaction: Transaction) => {
    const proof = await stepUps.use({ userId, sessionId, stepUpId, action: { type: 'factors.add_email', resource_id: encodeURI(email) } }, asking, transaction)
    const admission = admitShown(proof.factor, await factors.listOf(userId, transaction), checks)
    if (admission === undefined) throw new Problem(problems.stateConflict, { detail: 'An address confirms what the account does: it is added on the proof of a factor that shows that, such as the wallet.' })
    return { provedBy: proof.factor.id, ...admission === 'inherits root' && { inherits: true as const } }
  }

  return async (request: Request, asking: Asking): Promise<Reply> => {
    const repeated = await challenges.findByCommand(asking.caller, asking.commandId)
    if (repeated.length > 0) return replyOf(sameOrConflict(repeated, request))

    const lock = await budgets.lockOf(request.user_id, request.session_id)
    if (isLocked(lock)) throw lockedProblem(lock)
    const current = await factors.emailOf(request.user_id)
    if (current?.addressNormalised === normaliseAddress(request.email)) throw new Problem(problems.stateConflict, { detail: 'This address is proved already.' })
    const takeSends = sendLimit.taking([
      { to: 'enrolment', userId: request.user_id, address: request.email, place: request.place, own: current === undefined || lock.own },
      ...current === undefined ? [] : [{ to: 'factor' as const, factorId: current.id, address: current.address, own: lock.own }]
    ])

    // Factors without an address: an address beside them needs the proof of one.
    const besides = current === undefined ? await factors.ownerOf(request.user_id) : undefined
    const drafts = draftsOf(request, asking, current, besides?.factorRoot, { enrol: newChallengeId(), change: newChallengeId(), factor: newFactorId() })
    const sent = await transact(async (transaction) => {
      const admitted = besides === undefined ? {} : await admit(request, asking, transaction)
      await challenges.cancelOwn({ aud: asking.caller, userId: request.user_id, sessionId: request.session_id }, enrolmentPurposes, transaction)
      const all: Sent[] = []
      for (const draft of drafts) all.push(await send(draft.enrolment === null ? draft : { ...draft, enrolment: { ...draft.enrolment, ...admitted } }, asking, transaction))
      // After the inserts: of repeats in parallel only the one that mails codes pays for them.
      await takeSends()
      await audit.append({
        event: 'factor.enrolment_begun',
        subject: request.user_id,
        actor: request.user_id,
        requestId: asking.requestId,
        facts: { challenges: drafts.map(({ id }) => id), replaces: current?.id ?? null, session: request.session_id }
      }, transaction)
      return all
    }).catch(unlessBegun)
    // The same command raced this one and was first.
    if (sent === undefined) return replyOf(sameOrConflict(await challenges.findByCommand(asking.caller, asking.commandId), request))

    for (const { challenge } of sent) events.sent(challenge, asking.requestId)
    await dispatch(sent.map(({ row }) => row))
    return replyOf(sent.map(({ challenge }) => challenge))
  }
}

type Draft = Omit<NewChallenge, 'codeMac' | 'pepperId' | 'attemptsMax'>

/** The code for the new address and, with a factor enrolled, the code for the old one. */
function draftsOf (request: Request, asking: Asking, current: EmailFactor | undefined, besides: string | undefined, ids: { enrol: string, change: string, factor: string }): Draft[] {
  const draft = (id: string, purpose: EmailPurpose, address: string, { digest, text }: Action): Draft => ({
    id,
    aud: asking.caller,
    purpose,
    userId: request.user_id,
    sessionId: request.session_id,
    factorId: null,
    address,
    actionDigest: digest,
    text,
    actionEndsAt: null,
    fingerprint: digest,
    enrolment: null,
    commandId: asking.commandId
  })
  const enrol: Draft = {
    ...draft(ids.enrol, 'email_enrol', request.email, enrolAction(request.user_id, request.email, current?.address)),
    enrolment: { factorId: ids.factor, address: request.email, replaces: current === undefined ? null : { factorId: current.id, challengeId: ids.change }, ...besides !== undefined && { besides } }
  }
  if (current === undefined) return [enrol]
  return [enrol, { ...draft(ids.change, 'email_change', current.address, changeAction(request.user_id, request.email)), factorId: current.id }]
}

/** A duplicate ends its transaction on the server, so that it is answered outside of it. */
function unlessBegun (error: unknown): undefined {
  if (!isDuplicateKey(error, onePerCommand)) throw error
}

/** A command id names one request of one session. */
function sameOrConflict (repeated: Challenge[], request: Request): Challenge[] {
  const same = repeated.every(({ userId, sessionId, enrolment }) =>
    userId === request.user_id && sessionId === request.session_id && (enrolment === null || enrolment.address === request.email))
  if (!same) throw new Problem(problems.stateConflict)
  return repeated
}

function replyOf (sent: readonly Challenge[]): Reply {
  const view = ({ id, address, expiresAt }: Challenge) => ({ challenge_id: id, sent_to: maskAddress(address), expires_at: expiresAt.toISOString() })
  const enrol = sent.find(({ purpose }) => purpose === 'email_enrol')
  const change = sent.find(({ purpose }) => purpose === 'email_change')
  if (enrol === undefined) throw new Problem(problems.stateConflict)
  return { ...view(enrol), ...change !== undefined && { existing_factor: view(change) } }
}
