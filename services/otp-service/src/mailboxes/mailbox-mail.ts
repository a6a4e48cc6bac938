/** The mail of a mailbox challenge, or all of the work of one that nobody gets. */
import type { MailContent, MailboxPurpose } from '@countersign/contracts'
import type { IndexSpec, OutboxEntry, OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Dispatch, Transaction } from '../transaction.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'

export const withheldMails = 'withheld_mails'

const hourInSeconds = 3_600

export const withheldMailIndexes: readonly IndexSpec[] = [
  { collection: withheldMails, name: 'one_row_per_job', key: { queue: 1, jobId: 1 }, unique: true },
  { collection: withheldMails, name: 'expiry', key: { createdAt: 1 }, expireAfterSeconds: hourInSeconds }
]

export interface Drawn { readonly code: string, readonly token: string | null }

/** @returns the row to dispatch after the commit; undefined when the mail is withheld. */
export type WriteMailboxMail = (challenge: MailboxChallenge, drawn: Drawn, requestId: string, transaction: Transaction) => Promise<OutboxRow | undefined>

/**
 * Brings a row to its queue once its reply has gone, and a withheld mail nowhere: it has no queue to go to, and must not be answered
 * sooner for it. A process that stops in between leaves the row to the sweeper.
 */
export type DispatchLater = (row: OutboxRow | undefined) => void

/** @param delayMs drawn anew for each mail, so that its work falls together with no request in particular. */
export const createDispatchLater = (dispatch: Dispatch, delayMs: () => number): DispatchLater => (row) => {
  if (row !== undefined) setTimeout(() => { void dispatch([row]) }, delayMs()).unref()
}

/** Sealed; it is written by whoever asks. */
export type SealMailboxMail = (challenge: MailboxChallenge, drawn: Drawn, requestId: string) => OutboxEntry

export const createSealMailboxMail = (mails: Pick<MailWriter, 'entryOf'>): SealMailboxMail =>
  (challenge, drawn, requestId) => mails.entryOf(mailOf(challenge, drawn), { usefulUntil: challenge.endsAt, requestId })

/** @param withheld writes the same row where nobody looks, so that a withheld mail takes as long as a sent one. */
export const createWriteMailboxMail = ({ mails, withheld }: { readonly mails: MailWriter, readonly withheld: MailWriter }): WriteMailboxMail =>
  async (challenge, drawn, requestId, transaction) => {
    const { deliver, endsAt } = challenge
    const row = await (deliver ? mails : withheld).write(mailOf(challenge, drawn), { usefulUntil: endsAt, requestId }, transaction)
    return deliver ? row : undefined
  }

const templates = { signup: 'signup_code', login_email: 'login_code', password_reset: 'password_reset' } as const satisfies Partial<Record<MailboxPurpose, MailContent['template']>>

function mailOf ({ purpose, userId, address: to, codeExpiresAt, linkBase, linkExpiresAt }: MailboxChallenge, { code, token }: Drawn): MailContent {
  const parameters = { code, expires_at: codeExpiresAt.toISOString() }
  if (purpose === 'email_link') return { template: 'email_link_code', to, parameters: { ...parameters, account: userId ?? '' } }
  // The fragment: browsers send it to no server, so that no log of any sees the token, and a scanner that opens the link spends nothing.
  const link = linkBase !== null && token !== null && linkExpiresAt !== null && { link: { url: `${linkBase}#token=${token}`, expires_at: linkExpiresAt.toISOString() } }
  return { template: templates[purpose], to, parameters: { ...parameters, ...link } }
}
