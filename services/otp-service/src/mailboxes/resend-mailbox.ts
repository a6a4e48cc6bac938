/** A new code and link for the same mailbox challenge: the old ones die, the attempts stay. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendMailbox } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { Codes } from '../challenges/codes.ts'
import type { SendLimit } from '../mail/send-limit.ts'
import type { Transact } from '../transaction.ts'
import { livesOf, mailboxView, sendOf } from './begin-mailbox.ts'
import type { Links } from './links.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import type { DispatchLater, WriteMailboxMail } from './mailbox-mail.ts'
import type { MailboxRepository } from './mailbox-repository.ts'

export interface ResendMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'findFor' | 'renew'>
  readonly budgets: Pick<MailboxBudgets, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly links: Pick<Links, 'draw'>
  readonly writeMail: WriteMailboxMail
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatchLater: DispatchLater
  readonly ttlSeconds: number
}

export const createResendMailbox = ({ mailboxes, budgets, codes, links, writeMail, sendLimit, audit, events, transact, dispatchLater, ttlSeconds }: ResendMailboxDeps) =>
  async ({ challenge_id: id, purpose, opener }: RequestOf<typeof resendMailbox>, asking: Asking): Promise<ReplyOf<typeof resendMailbox>> => {
    const answerer = { aud: asking.caller, purpose, opener }
    const challenge = await mailboxes.findFor(id, answerer)
    if (challenge === undefined) throw new Problem(problems.notFound)
    if (challenge.resentBy === asking.commandId) return mailboxView(challenge)

    const lock = await budgets.lockOf(challenge)
    if (isLocked(lock) && challenge.linkBase === null) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([sendOf(challenge)])

    const { code, ...stored } = codes.draw(challenge)
    const { token, linkMac } = challenge.linkBase === null ? { token: null, linkMac: null } : links.draw(purpose)
    const renewed = await transact(async (transaction) => {
      const next = await mailboxes.renew(challenge, { ...stored, linkMac }, { lives: livesOf(challenge, ttlSeconds), commandId: asking.commandId }, transaction)
      if (next === undefined) return undefined
      await takeSend()
      const row = await writeMail(next, { code, token }, asking.requestId, transaction)
      await audit.append({
        event: 'mailbox.resent',
        subject: next.id,
        ...next.userId !== null && { actor: next.userId },
        requestId: asking.requestId,
        facts: { sends: next.sends, attempts_left: next.attemptsLeft, delivered: next.deliver }
      }, transaction)
      return { challenge: next, row }
    })
    if (renewed === undefined) {
      // The same command raced this one and was first: its code is on the way.
      const first = await mailboxes.findFor(id, answerer)
      if (first?.resentBy === asking.commandId) return mailboxView(first)
      throw new Problem(problems.stateConflict, { detail: 'This challenge is answered, out of attempts or expired.' })
    }

    events.sent(renewed.challenge, asking.requestId)
    dispatchLater(renewed.row)
    return mailboxView(renewed.challenge)
  }
