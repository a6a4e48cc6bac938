/** What beginning a mailbox challenge and sending it again have in common: lock, limit, a fresh code and link, and the mail with its audit row. */
import type { AskingPlace } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { Codes } from '../challenges/codes.ts'
import type { Send, SendLimit } from '../mail/send-limit.ts'
import type { Transact, Transaction } from '../transaction.ts'
import type { Links } from './links.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'
import type { DispatchLater, WriteMailboxMail } from './mailbox-mail.ts'
import type { Renewal } from './mailbox-repository.ts'

export interface SendMailboxDeps {
  readonly budgets: Pick<MailboxBudgets, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly links: Pick<Links, 'draw'>
  readonly writeMail: WriteMailboxMail
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatchLater: DispatchLater
}

export interface Sending {
  readonly to: Pick<MailboxChallenge, 'id' | 'purpose' | 'userId' | 'sessionId' | 'address' | 'opener' | 'knownPlace' | 'linkBase'>
  /** From where this mail is asked for. */
  readonly place: AskingPlace | undefined
  /** Undefined: another one was first, and nothing is sent. */
  readonly store: (drawn: Renewal, transaction: Transaction) => Promise<MailboxChallenge | undefined>
  readonly event: 'mailbox.challenged' | 'mailbox.resent'
  readonly factsOf: (stored: MailboxChallenge) => Record<string, string | number | boolean | null>
  readonly requestId: string
}

/** @returns the challenge as it is stored now. @throws Problem factorLocked, sendLimited, and what `store` throws */
export type SendMailbox = (sending: Sending) => Promise<MailboxChallenge | undefined>

export const createSendMailbox = ({ budgets, codes, links, writeMail, sendLimit, audit, events, transact, dispatchLater }: SendMailboxDeps): SendMailbox =>
  async ({ to, place, store, event, factsOf, requestId }) => {
    const lock = await budgets.lockOf(to)
    // Links are not guessed: with one, strangers who spent the budget of codes keep nobody from signing in.
    if (isLocked(lock) && to.linkBase === null) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([sendOf(to, place)])

    const { code, ...stored } = codes.draw(to)
    const { token, linkMac } = to.linkBase === null ? { token: null, linkMac: null } : links.draw(to.purpose)
    const sent = await transact(async (transaction) => {
      const challenge = await store({ ...stored, linkMac }, transaction)
      if (challenge === undefined) return undefined
      // After the write: of repeats in parallel only the one that mails a code pays for it.
      await takeSend()
      const row = await writeMail(challenge, { code, token }, requestId, transaction)
      await audit.append({ event, subject: challenge.id, ...challenge.userId !== null && { actor: challenge.userId }, requestId, facts: factsOf(challenge) }, transaction)
      return { challenge, row }
    })
    if (sent === undefined) return undefined

    events.sent(sent.challenge, requestId)
    dispatchLater(sent.row)
    return sent.challenge
  }

/** What a session asks for counts like any enrolment of its user, what others ask for counts against the mailbox alone. */
const sendOf = ({ userId, sessionId, address, knownPlace }: Sending['to'], place: AskingPlace | undefined): Send => {
  if (sessionId !== null && userId !== null) return { to: 'enrolment', userId, address, place, own: true }
  // A resend names no login: what was known when it was begun still is.
  return { to: 'mailbox', address, place: place && { ...place, known: knownPlace } }
}
