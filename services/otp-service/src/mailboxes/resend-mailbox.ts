/** A new code and link for the same mailbox challenge: the old ones die, the attempts stay. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendMailbox } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { Transact } from '../transaction.ts'
import { livesOf, mailboxView } from './begin-mailbox.ts'
import type { WriteMailboxMail } from './mailbox-mail.ts'
import type { MailboxRepository } from './mailbox-repository.ts'
import type { SendMailbox } from './send-mailbox.ts'

export interface ResendMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'findFor' | 'renew'>
  readonly send: SendMailbox
  readonly writeMail: WriteMailboxMail
  readonly audit: Audit
  readonly transact: Transact
  readonly ttlSeconds: number
}

export const createResendMailbox = ({ mailboxes, send, writeMail, audit, transact, ttlSeconds }: ResendMailboxDeps) =>
  async ({ challenge_id: id, purpose, opener, place }: RequestOf<typeof resendMailbox>, { caller, commandId, requestId }: Asking): Promise<ReplyOf<typeof resendMailbox>> => {
    const answerer = { aud: caller, purpose, opener }
    const challenge = await mailboxes.findFor(id, answerer)
    if (challenge === undefined) throw new Problem(problems.notFound)
    if (challenge.resentBy === commandId) return mailboxView(challenge)

    const renewed = await send({
      to: challenge,
      place,
      write: async (stored, drawn, take) => await transact(async (transaction) => {
        const renewal = await mailboxes.renew(challenge, stored, { lives: livesOf(challenge, ttlSeconds), commandId }, transaction)
        if (renewal === undefined) return undefined
        // After the write: of repeats in parallel only the one that mails a code pays for it.
        await take()
        const row = await writeMail(renewal, drawn, requestId, transaction)
        const { userId, sends, attemptsLeft, deliver } = renewal
        await audit.append({ event: 'mailbox.resent', subject: id, ...userId !== null && { actor: userId }, requestId, facts: { sends, attempts_left: attemptsLeft, delivered: deliver } }, transaction)
        return { challenge: renewal, row }
      }),
      requestId
    })
    if (renewed !== undefined) return mailboxView(renewed)
    // The same command raced this one and was first: its code is on the way.
    const first = await mailboxes.findFor(id, answerer)
    if (first?.resentBy === commandId) return mailboxView(first)
    throw new Problem(problems.stateConflict, { detail: 'This challenge is answered, out of attempts or expired.' })
  }
