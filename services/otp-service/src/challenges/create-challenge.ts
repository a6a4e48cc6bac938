/**
 * The signer asks a user to confirm one action: it chose the id, the digest, the words and the kinds of factors that count; which factors
 * those are, where codes go and what they are is known here alone. A user with an e-mail factor is mailed a code at once.
 */
import { createHash } from 'node:crypto'
import { Problem, problems, type ReplyOf, type RequestOf, type createChallenge } from '@countersign/contracts'
import type { Audit, AuditEntry } from '@countersign/mongo'
import { constantTimeEqual } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { EmailFactor, Factor } from '../factors/factor.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { Dispatch } from '../transaction.ts'
import type { Challenge, NewChallenge } from './challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import { openView } from './challenge-view.ts'
import type { Codes } from './codes.ts'
import { mayAnswer } from './may-answer.ts'
import type { OpenTogether } from './open-together.ts'

type Request = RequestOf<typeof createChallenge>

export interface CreateDeps {
  readonly challenges: Pick<ChallengeRepository, 'find'>
  readonly factors: Pick<FactorRepository, 'listOf'>
  readonly checks: FactorChecks
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly openTogether: OpenTogether
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly dispatch: Dispatch
  readonly ttlSeconds: number
  readonly maxAttempts: number
}

/** A question whose code was not sent lasts as long as the action that it is about; this is the longest. */
const longestSeconds = 86_400

export const createCreateChallenge = (deps: CreateDeps) => {
  const { challenges, factors, checks, dispatch, events } = deps

  /** @throws Problem factorRequired when no factor of the user is of these kinds, notPermitted when they are not the principal's, factorLocked and sendLimited when the mailbox is the only one */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof createChallenge>> => {
    const fingerprint = fingerprintOf(request, asking)
    const all = await factors.listOf(request.user_id)
    const view = (challenge: Challenge) => openView(sameOrConflict(challenge, fingerprint), all, checks)
    const existing = await challenges.find(request.challenge_id)
    if (existing !== undefined) return view(existing)

    const usable = await usableOf(deps, request, all, asking)
    const email = request.quiet === true ? undefined : usable.find((factor): factor is EmailFactor => factor.kind === 'email_code')
    const draft = { ...draftOf(request, asking), fingerprint }
    const made = await openSending(deps, draft, email, asking).catch(async (error: unknown) => {
      // What a stranger can use up keeps nobody from a wallet, an app or a list.
      const kept = error instanceof Problem && (error.kind === problems.sendLimited || error.kind === problems.factorLocked)
      if (!kept || !usable.some(({ kind }) => !checks[kind].sends)) throw error
      return await open(deps, draft, asking)
    })
    if (made === undefined) {
      const first = await challenges.find(request.challenge_id)
      if (first === undefined) throw new Problem(problems.unavailable)
      return view(first)
    }

    if (made.rows.length > 0) {
      events.sent(made.challenge, asking.requestId)
      await dispatch(made.rows)
    }
    return view(made.challenge)
  }
}

type Draft = Omit<NewChallenge, 'factorId' | 'address' | 'codeMac' | 'pepperId' | 'attemptsMax'>

/** With a code on its way to the mailbox, where there is one. @returns undefined when the same request raced this one and was first */
async function openSending (deps: CreateDeps, draft: Draft, email: EmailFactor | undefined, asking: Asking) {
  if (email === undefined) return await open(deps, draft, asking)
  const { budgets, codes, openTogether, sendLimit, ttlSeconds, maxAttempts } = deps
  const lock = await budgets.lockOf(draft.userId, draft.sessionId)
  if (isLocked(lock)) throw lockedProblem(lock)
  const take = sendLimit.taking([{ to: 'factor', factorId: email.id, address: email.address, own: lock.own }])
  const { code, ...stored } = codes.draw(draft)
  return await openTogether({
    opening: { challenge: { ...draft, ...stored, factorId: email.id, address: email.address, attemptsMax: maxAttempts }, ttlSeconds },
    requestId: asking.requestId, audited: createdRow(asking), sending: { code, take }
  })
}

/** Without a code: whoever answers chooses how. */
async function open ({ openTogether, ttlSeconds, maxAttempts }: CreateDeps, draft: Draft, asking: Asking) {
  const challenge = { ...draft, factorId: null, address: null, codeMac: null, pepperId: null, attemptsMax: maxAttempts }
  return await openTogether({ opening: { challenge, ttlSeconds: draft.actionEndsAt === null ? ttlSeconds : longestSeconds }, requestId: asking.requestId, audited: createdRow(asking) })
}

const createdRow = ({ requestId }: Asking) => ({ id, userId, purpose, aud, actionDigest, factorId }: Challenge): AuditEntry =>
  ({ event: 'challenge.created', subject: id, actor: userId, requestId, facts: { purpose, aud, digest: actionDigest, ...factorId !== null && { factor: factorId } } })

/** @returns the factors that may answer, at least one. */
async function usableOf ({ audit }: Pick<CreateDeps, 'audit'>, request: Request, all: readonly Factor[], { caller, requestId }: Asking): Promise<Factor[]> {
  const { factor_kinds: factorKinds, short_text: shortText } = request
  const usable = all.filter((factor) => mayAnswer({ factorKinds, ...shortText !== undefined && { shortText } }, factor))
  if (usable.length === 0) throw new Problem(problems.factorRequired)

  // The principal was granted to another chain of proofs: whoever holds today's factors is not who the operator checked.
  if (!usable.every(({ factorRoot }) => constantTimeEqual(factorRoot, request.factor_root))) {
    await audit.append({ event: 'challenge.refused', subject: request.challenge_id, actor: request.user_id, requestId, facts: { reason: 'foreign factor root', aud: caller } })
    throw new Problem(problems.notPermitted, { detail: 'The factors of this user are not those of the principal. An operator grants it again with: countersign principals grant.' })
  }
  return usable
}

const draftOf = (request: Request, { caller }: Asking): Omit<Draft, 'fingerprint'> => ({
  id: request.challenge_id,
  aud: caller,
  purpose: request.purpose,
  userId: request.user_id,
  sessionId: request.session_id,
  actionDigest: request.action_digest,
  text: request.text,
  ...request.short_text !== undefined && { shortText: request.short_text },
  factorKinds: request.factor_kinds,
  actionEndsAt: request.action_ends_at === undefined ? null : new Date(request.action_ends_at),
  enrolment: null,
  commandId: null
})

function sameOrConflict (existing: Challenge, fingerprint: string): Challenge {
  if (existing.fingerprint === fingerprint) return existing
  throw new Problem(problems.stateConflict, { detail: 'This challenge id was used for something else.' })
}

/** Over every field that says what is asked, in one order, with the list it came on. */
const fingerprintOf = (request: Request, { caller }: Asking): string => createHash('sha256').update(JSON.stringify([
  caller, request.challenge_id, request.purpose, request.user_id, request.session_id, request.factor_root,
  request.action_digest, request.text, request.short_text ?? null, request.factor_kinds, request.action_ends_at ?? null
])).digest('base64url')
