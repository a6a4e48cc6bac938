/** Mails a code for a path of the earlier OTP system. It goes to the account's own proved address, whatever the caller writes. */
import { Problem, problems, type ReplyOf, type RequestOf, type sendEarlierOtp } from '@countersign/contracts'
import { isDuplicateKey, type Audit } from '@countersign/mongo'
import { constantTimeEqual } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { Challenge, NewChallenge } from '../challenges/challenge.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import { onePerCommand, type ChallengeRepository } from '../challenges/challenge-repository.ts'
import { writeCodeMail } from '../challenges/code-mail.ts'
import type { Codes } from '../challenges/codes.ts'
import { normaliseAddress, type EmailFactor } from '../factors/factor.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { Dispatch, Transact, Transaction } from '../transaction.ts'
import { isGood } from './earlier-otp-status.ts'
import { earlierOtpAction, earlierOtpChallenge } from './earlier-otp-action.ts'

type Request = RequestOf<typeof sendEarlierOtp>
type Reply = ReplyOf<typeof sendEarlierOtp>
type Draft = Omit<NewChallenge, 'codeMac' | 'pepperId' | 'attemptsMax'>

export interface SendEarlierOtpDeps {
  readonly factors: Pick<FactorRepository, 'emailOf' | 'takeTurn'>
  readonly challenges: Pick<ChallengeRepository, 'findByCommand' | 'insert' | 'newestOwn'>
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

export function createSendEarlierOtp (deps: SendEarlierOtpDeps) {
  const { factors, challenges, budgets, codes, mails, sendLimit, audit, events, transact, dispatch, newChallengeId, ttlSeconds, maxAttempts } = deps

  /** Requests of one account come after one another here, so that two at once find each other's code. */
  const refuseSecond = async ({ aud, userId, sessionId, purpose, actionDigest }: Draft, transaction: Transaction): Promise<void> => {
    if (!await factors.takeTurn(userId, transaction)) throw new Problem(problems.factorRequired)
    const newest = await challenges.newestOwn({ aud, userId, sessionId }, { purpose, actionDigest }, transaction)
    if (newest === undefined || !isGood(newest)) return
    const retryAfter = Math.max(1, Math.ceil((newest.challenge.expiresAt.getTime() - newest.now.getTime()) / 1_000))
    throw new Problem(problems.sendLimited, { detail: 'Too many requests: the code that was sent before is still good.', challenge_id: newest.challenge.id, retry_after: retryAfter })
  }

  /** @throws Problem factorRequired, addressMismatch, factorLocked, sendLimited */
  return async (request: Request, asking: Asking): Promise<Reply> => {
    const factor = await factors.emailOf(request.user_id)
    if (factor === undefined) throw new Problem(problems.factorRequired)
    if (!constantTimeEqual(factor.addressNormalised, normaliseAddress(request.email))) throw new Problem(problems.addressMismatch)
    const draft = draftOf(request, asking, factor, newChallengeId())
    const repeated = async () => sameOrConflict((await challenges.findByCommand(asking.caller, asking.commandId))[0], draft)
    const before = await repeated()
    if (before !== undefined) return replyOf(before)

    const lock = await budgets.lockOf(request.user_id, request.session_id)
    if (isLocked(lock)) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([{ to: 'factor', factorId: factor.id, address: factor.address, own: lock.own }])
    const { code, ...stored } = codes.draw(draft)
    const sent = await transact(async (transaction) => {
      await refuseSecond(draft, transaction)
      const challenge = await challenges.insert({ ...draft, ...stored, attemptsMax: maxAttempts }, ttlSeconds, transaction)
      if (challenge === undefined) throw new Error('a fresh challenge id was taken')
      await takeSend()
      const row = await writeCodeMail(mails, challenge, code, asking.requestId, transaction)
      await audit.append({
        event: 'challenge.created', subject: challenge.id, actor: challenge.userId, requestId: asking.requestId, facts: { purpose: draft.purpose, aud: draft.aud, digest: draft.actionDigest, session: draft.sessionId }
      }, transaction)
      return { challenge, row }
    }).catch(async (error: unknown) => {
      // The same command raced this one and was first.
      const first = isDuplicateKey(error, onePerCommand) || error instanceof Problem ? await repeated() : undefined
      if (first === undefined) throw error
      return { challenge: first }
    })
    if (!('row' in sent)) return replyOf(sent.challenge)

    events.sent(sent.challenge, asking.requestId)
    await dispatch([sent.row])
    return replyOf(sent.challenge)
  }
}

function draftOf ({ user_id: userId, session_id: sessionId, purpose }: Request, { caller, commandId }: Asking, factor: EmailFactor, id: string): Draft {
  const { digest, text } = earlierOtpAction(userId, sessionId, purpose)
  return {
    id, userId, sessionId, commandId, text, aud: caller, purpose: earlierOtpChallenge, factorId: factor.id, address: factor.address, actionDigest: digest, fingerprint: digest, actionEndsAt: null, enrolment: null
  }
}

/** A command id names one request of one session. */
function sameOrConflict (existing: Challenge | undefined, { fingerprint, purpose }: Pick<Draft, 'fingerprint' | 'purpose'>): Challenge | undefined {
  if (existing !== undefined && (existing.fingerprint !== fingerprint || existing.purpose !== purpose)) throw new Problem(problems.stateConflict)
  return existing
}

const replyOf = ({ id, createdAt, expiresAt }: Challenge): Reply =>
  ({ challenge_id: id, expires_in: Math.round((expiresAt.getTime() - createdAt.getTime()) / 1_000) })
