/** A new code and link for the same mailbox challenge: the old ones die, the attempts stay. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendMailbox } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import { livesOf, mailboxView } from './begin-mailbox.ts'
import type { MailboxRepository } from './mailbox-repository.ts'
import type { SendMailbox } from './send-mailbox.ts'

export interface ResendMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'findFor' | 'renew'>
  readonly send: SendMailbox
  readonly ttlSeconds: number
}

export const createResendMailbox = ({ mailboxes, send, ttlSeconds }: ResendMailboxDeps) =>
  async ({ challenge_id: id, purpose, opener, place }: RequestOf<typeof resendMailbox>, { caller, commandId, requestId }: Asking): Promise<ReplyOf<typeof resendMailbox>> => {
    const answerer = { aud: caller, purpose, opener }
    const challenge = await mailboxes.findFor(id, answerer)
    if (challenge === undefined) throw new Problem(problems.notFound)
    if (challenge.resentBy === commandId) return mailboxView(challenge)

    const renewed = await send({
      to: challenge,
      place,
      store: (drawn, transaction) => mailboxes.renew(challenge, drawn, { lives: livesOf(challenge, ttlSeconds), commandId }, transaction),
      event: 'mailbox.resent',
      factsOf: ({ sends, attemptsLeft, deliver }) => ({ sends, attempts_left: attemptsLeft, delivered: deliver }),
      requestId
    })
    if (renewed !== undefined) return mailboxView(renewed)
    // The same command raced this one and was first: its code is on the way.
    const first = await mailboxes.findFor(id, answerer)
    if (first?.resentBy === commandId) return mailboxView(first)
    throw new Problem(problems.stateConflict, { detail: 'This challenge is answered, out of attempts or expired.' })
  }
