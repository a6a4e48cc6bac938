/** What beginning a mailbox challenge and sending it again have in common: lock, limit, a fresh code and link, and the way of the mail. */
import type { AskingPlace } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { Codes } from '../challenges/codes.ts'
import type { Send, SendLimit } from '../mail/send-limit.ts'
import type { Links } from './links.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'
import type { DispatchLater, Drawn } from './mailbox-mail.ts'
import type { Renewal } from './mailbox-repository.ts'

export interface SendMailboxDeps {
  readonly budgets: Pick<MailboxBudgets, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly links: Pick<Links, 'draw'>
  readonly sendLimit: SendLimit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly dispatchLater: DispatchLater
}

export interface Sending {
  readonly to: Pick<MailboxChallenge, 'id' | 'purpose' | 'userId' | 'sessionId' | 'address' | 'opener' | 'knownPlace' | 'linkBase'>
  /** From where this mail is asked for. */
  readonly place: AskingPlace | undefined
  /** Challenge, mail and audit row, all or nothing; takes the send when the challenge is written. Undefined: another one was first, and nothing is sent. */
  readonly write: (stored: Renewal, drawn: Drawn, take: () => Promise<void>) => Promise<SentMailbox | undefined>
  readonly requestId: string
}

export interface SentMailbox {
  readonly challenge: MailboxChallenge
  /** Undefined: the mail is withheld. */
  readonly row: OutboxRow | undefined
}

/** @returns the challenge as it is stored now. @throws Problem factorLocked, sendLimited, and what `write` throws */
export type SendMailbox = (sending: Sending) => Promise<MailboxChallenge | undefined>

export const createSendMailbox = ({ budgets, codes, links, sendLimit, events, dispatchLater }: SendMailboxDeps): SendMailbox =>
  async ({ to, place, write, requestId }) => {
    const lock = await budgets.lockOf(to)
    // Links are not guessed: with one, strangers who spent the budget of codes keep nobody from signing in.
    if (isLocked(lock) && to.linkBase === null) throw lockedProblem(lock)

    const { code, ...stored } = codes.draw(to)
    const { token, linkMac } = to.linkBase === null ? { token: null, linkMac: null } : links.draw(to.purpose)
    const sent = await write({ ...stored, linkMac }, { code, token }, sendLimit.taking([sendOf(to, place)]))
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
