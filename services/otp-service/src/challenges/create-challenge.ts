/** The signer asks a user to confirm one action: it chose the id, the digest and the exact text; we choose the mailbox and the code. */
import { createHash } from 'node:crypto'
import { Problem, problems, type ReplyOf, type RequestOf, type createChallenge } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { constantTimeEqual } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { EmailFactor } from '../factors/factor.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { Challenge, NewChallenge } from './challenge.ts'
import type { ChallengeEvents } from './challenge-events.ts'
import type { ChallengeRepository } from './challenge-repository.ts'
import { challengeView } from './challenge-view.ts'
import { writeCodeMail } from './code-mail.ts'
import type { Codes } from './codes.ts'

type Request = RequestOf<typeof createChallenge>

export interface CreateDeps {
  readonly challenges: Pick<ChallengeRepository, 'find' | 'insert'>
  readonly factors: Pick<FactorRepository, 'emailOf'>
  readonly budgets: Pick<BudgetRepository, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly mails: MailWriter
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly ttlSeconds: number
  readonly maxAttempts: number
}

export const createCreateChallenge = (deps: CreateDeps) => {
  const { challenges, codes, mails, sendLimit, audit, events, transact, dispatch, ttlSeconds, maxAttempts } = deps

  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof createChallenge>> => {
    const fingerprint = fingerprintOf(request, asking)
    const existing = await challenges.find(request.challenge_id)
    if (existing !== undefined) return challengeView(sameOrConflict(existing, fingerprint))

    const factor = await admit(deps, request, asking)
    const takeSend = sendLimit.taking([{ to: 'factor', factorId: factor.id, address: factor.address }])

    const { code, ...stored } = codes.draw({ id: request.challenge_id, purpose: request.purpose })
    const made = await transact(async (transaction) => {
      const challenge = await challenges.insert({ ...newChallenge(request, asking, factor), ...stored, fingerprint, attemptsMax: maxAttempts }, ttlSeconds, transaction)
      // The same request raced this one and was first.
      if (challenge === undefined) return undefined
      if (challenge.expiresAt <= challenge.createdAt) throw new Problem(problems.stateConflict, { detail: 'The action has ended.' })
      // After the insert: of repeats in parallel only the one that mails a code pays for it.
      await takeSend()
      const row = await writeCodeMail(mails, challenge, code, asking.requestId, transaction)
      await audit.append({
        event: 'challenge.created',
        subject: challenge.id,
        actor: challenge.userId,
        requestId: asking.requestId,
        facts: { purpose: challenge.purpose, aud: challenge.aud, digest: challenge.actionDigest, factor: factor.id }
      }, transaction)
      return { challenge, row }
    })
    if (made === undefined) {
      const first = await challenges.find(request.challenge_id)
      if (first === undefined) throw new Problem(problems.unavailable)
      return challengeView(sameOrConflict(first, fingerprint))
    }

    events.sent(made.challenge, asking.requestId)
    await dispatch([made.row])
    return challengeView(made.challenge)
  }
}

/** @returns the factor whose mailbox gets the code. */
async function admit ({ factors, budgets, audit }: Pick<CreateDeps, 'factors' | 'budgets' | 'audit'>, request: Request, { caller, requestId }: Asking): Promise<EmailFactor> {
  const factor = await factors.emailOf(request.user_id)
  if (factor === undefined) throw new Problem(problems.factorRequired)

  // The principal was granted to another chain of proofs: whoever holds today's factor is not who the operator checked.
  if (!constantTimeEqual(factor.factorRoot, request.factor_root)) {
    await audit.append({ event: 'challenge.refused', subject: request.challenge_id, actor: request.user_id, requestId, facts: { reason: 'foreign factor root', aud: caller } })
    throw new Problem(problems.notPermitted, { detail: 'The factors of this user are not those of the principal. An operator grants it again with: countersign principals grant.' })
  }

  const lock = await budgets.lockOf(request.user_id, request.session_id)
  if (isLocked(lock)) throw lockedProblem(lock)
  return factor
}

const newChallenge = (request: Request, { caller }: Asking, factor: EmailFactor): Omit<NewChallenge, 'codeMac' | 'pepperId' | 'fingerprint' | 'attemptsMax'> => ({
  id: request.challenge_id,
  aud: caller,
  purpose: request.purpose,
  userId: request.user_id,
  sessionId: request.session_id,
  factorId: factor.id,
  address: factor.address,
  actionDigest: request.action_digest,
  text: request.text,
  actionEndsAt: request.action_ends_at === undefined ? null : new Date(request.action_ends_at),
  enrolment: null,
  commandId: null
})

function sameOrConflict (existing: Challenge, fingerprint: string): Challenge {
  if (existing.fingerprint === fingerprint) return existing
  throw new Problem(problems.stateConflict, { detail: 'This challenge id was used for something else.' })
}

/** Over every field in one order, with the list it came on. */
const fingerprintOf = (request: Request, { caller }: Asking): string => createHash('sha256').update(JSON.stringify([
  caller, request.challenge_id, request.purpose, request.user_id, request.session_id, request.factor_root,
  request.action_digest, request.text, request.action_ends_at ?? null
])).digest('base64url')
