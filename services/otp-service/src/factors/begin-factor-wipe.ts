/** Sends the code that proves a wish to delete an account with its factors to the address of the factor itself. */
import { Problem, problems, type ReplyOf, type RequestOf, type beginFactorWipe } from '@countersign/contracts'
import { isDuplicateKey, type Audit } from '@countersign/mongo'
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
import type { Dispatch, Transact } from '../transaction.ts'
import { maskAddress, type EmailFactor } from './factor.ts'
import type { FactorRepository } from './factor-repository.ts'
import { wipeAction, wipePurpose } from './wipe-action.ts'

type Request = RequestOf<typeof beginFactorWipe>
type Reply = ReplyOf<typeof beginFactorWipe>

export interface BeginWipeDeps {
  readonly factors: Pick<FactorRepository, 'emailOf'>
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
  readonly ttlSeconds: number
  readonly maxAttempts: number
}

export function createBeginFactorWipe (deps: BeginWipeDeps) {
  const { factors, challenges, budgets, codes, mails, sendLimit, audit, events, transact, dispatch, newChallengeId, ttlSeconds, maxAttempts } = deps

  return async (request: Request, asking: Asking): Promise<Reply> => {
    const repeated = await challenges.findByCommand(asking.caller, asking.commandId)
    if (repeated.length > 0) return replyOf(sameOrConflict(repeated, request))

    const factor = await factors.emailOf(request.user_id)
    if (factor === undefined) return { challenge: null }
    const lock = await budgets.lockOf(request.user_id, request.session_id)
    if (isLocked(lock)) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([{ to: 'factor', factorId: factor.id, address: factor.address, own: lock.own }])

    const draft = draftOf(request, asking, factor, newChallengeId())
    const { code, ...stored } = codes.draw(draft)
    const sent = await transact(async (transaction) => {
      await challenges.cancelOwn({ aud: asking.caller, userId: request.user_id, sessionId: request.session_id }, [wipePurpose], transaction)
      const challenge = await challenges.insert({ ...draft, ...stored, attemptsMax: maxAttempts }, ttlSeconds, transaction)
      if (challenge === undefined) throw new Error('a fresh challenge id was taken')
      const row = await writeCodeMail(mails, challenge, code, asking.requestId, transaction)
      // After the insert: of repeats in parallel only the one that mails a code pays for it.
      await takeSend()
      await audit.append({
        event: 'factor.wipe_begun', subject: request.user_id, actor: request.user_id, requestId: asking.requestId, facts: { challenge: challenge.id, factor: factor.id, session: request.session_id }
      }, transaction)
      return { challenge, row }
    }).catch(unlessBegun)
    // The same command raced this one and was first.
    if (sent === undefined) return replyOf(sameOrConflict(await challenges.findByCommand(asking.caller, asking.commandId), request))

    events.sent(sent.challenge, asking.requestId)
    await dispatch([sent.row])
    return replyOf(sent.challenge)
  }
}

function draftOf ({ user_id: userId, session_id: sessionId }: Request, { caller, commandId }: Asking, factor: EmailFactor, id: string): Omit<NewChallenge, 'codeMac' | 'pepperId' | 'attemptsMax'> {
  const { digest, text } = wipeAction(userId)
  return {
    id, userId, sessionId, commandId, text, aud: caller, purpose: wipePurpose, factorId: factor.id, address: factor.address, actionDigest: digest, fingerprint: digest, actionEndsAt: null, enrolment: null
  }
}

/** A duplicate ends its transaction on the server, so that it is answered outside of it. */
function unlessBegun (error: unknown): undefined {
  if (!isDuplicateKey(error, onePerCommand)) throw error
}

/** A command id names one request of one session. */
function sameOrConflict ([challenge]: Challenge[], request: Request): Challenge {
  const same = challenge?.purpose === wipePurpose && challenge.userId === request.user_id && challenge.sessionId === request.session_id
  if (!same) throw new Problem(problems.stateConflict)
  return challenge
}

const replyOf = ({ id, address, expiresAt }: Challenge): Reply =>
  ({ challenge: { challenge_id: id, sent_to: maskAddress(address), expires_at: expiresAt.toISOString() } })
