/**
 * The writes of beginning mailbox challenges, shared like those of other questions. A mail that nobody gets is written beside those that are sent,
 * in the same transaction: no answer comes sooner for it.
 */
import type { Audit, AuditEntry, Outbox } from '@countersign/mongo'
import { admitAll, admitTogether } from '../challenges/admit-together.ts'
import type { Transact } from '../transaction.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'
import type { Drawn, SealMailboxMail } from './mailbox-mail.ts'
import type { MailboxOpening, MailboxRepository } from './mailbox-repository.ts'
import type { SentMailbox } from './send-mailbox.ts'

export interface OpenMailboxesDeps {
  readonly mailboxes: Pick<MailboxRepository, 'insertAll'>
  readonly sealMail: SealMailboxMail
  readonly outbox: Pick<Outbox, 'insertAll'>
  /** Where nobody looks. */
  readonly withheld: Pick<Outbox, 'insertAll'>
  readonly audit: Audit
  readonly transact: Transact
}

export interface MailboxOpened {
  readonly opening: MailboxOpening
  readonly drawn: Drawn
  readonly requestId: string
  /** Takes once, however often it is called. @throws Problem sendLimited */
  readonly take: () => Promise<void>
  readonly audited: (challenge: MailboxChallenge) => AuditEntry
}

/** @throws what `take` throws, and the duplicate of a command that began one before */
export type OpenMailbox = (opened: MailboxOpened) => Promise<SentMailbox | undefined>

export const createOpenMailbox = ({ mailboxes, sealMail, outbox, withheld, audit, transact }: OpenMailboxesDeps): OpenMailbox =>
  admitTogether<MailboxOpened, SentMailbox>(async (all, refused) => await transact(async (transaction) => {
    const made = await mailboxes.insertAll(all.map(({ opening }) => opening), transaction)
    const ready = all.map((item, i) => ({ item, challenge: made[i] as MailboxChallenge }))
    // After the insert: of repeats in parallel only the one that mails a code pays for it.
    await admitAll(ready, async ({ item }) => { await item.take() }, refused)

    const written = ready.map(({ item, challenge }) => ({ item, challenge, entry: sealMail(challenge, item.drawn, item.requestId) }))
    const at = (made[0] as MailboxChallenge).createdAt
    const [delivered, kept] = [written.filter(({ challenge }) => challenge.deliver), written.filter(({ challenge }) => !challenge.deliver)]
    const rows = delivered.length === 0 ? [] : await outbox.insertAll(delivered.map(({ entry }) => entry), at, transaction)
    if (kept.length > 0) await withheld.insertAll(kept.map(({ entry }) => entry), at, transaction)
    await audit.append(written.map(({ item, challenge }) => item.audited(challenge)), transaction)
    return new Map(written.map((one) => [one.item, { challenge: one.challenge, row: rows[delivered.indexOf(one)] }]))
  }))
