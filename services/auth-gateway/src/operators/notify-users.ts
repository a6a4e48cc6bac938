import type { MailContent } from '@countersign/contracts'
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { NoticeRepository } from './notice-repository.ts'

export interface NotifyUsersDeps {
  readonly notices: Pick<NoticeRepository, 'begin' | 'advance' | 'finish' | 'countReachable' | 'reachableAfter'>
  readonly audit: Audit
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly hashOf: (message: string) => string
}

export interface Notice {
  readonly id: string
  readonly message: string
  readonly requestId: string
}

export interface Notified {
  /** By this run. */
  readonly written: number
  /** By earlier runs with the same id. */
  readonly before: number
}

/** One transaction each: few enough to be done well within its time. */
const batch = 50

/** @throws Error when the id belongs to another message, or when another run of it is under way */
export const createNotifyUsers = ({ notices, audit, writeMail, inTransaction, hashOf }: NotifyUsersDeps) =>
  async ({ id, message, requestId }: Notice, onProgress: (done: number, total: number) => void): Promise<Notified> => {
    const { messageHash, written: before, lastUserId, finishedAt } = await notices.begin(id, hashOf(message))
    if (messageHash !== hashOf(message)) throw new Error(`the notice ${id} had another message: give this one an --id of its own`)
    if (finishedAt !== null) return { written: 0, before }

    const total = before + await notices.countReachable(lastUserId)
    let written = 0
    let last = lastUserId
    onProgress(before, total)
    for (;;) {
      const recipients = await notices.reachableAfter(last, batch)
      const next = recipients.at(-1)?.userId
      if (next === undefined) break
      await inTransaction(async (transaction) => {
        // First, so that of two runs one waits here and writes no mail.
        if (!await notices.advance(id, last, next, recipients.length, transaction)) throw new Error(`another run of the notice ${id} is under way`)
        for (const { address } of recipients) await writeMail({ template: 'broadcast', to: address, parameters: { message } }, requestId, transaction)
      })
      last = next
      written += recipients.length
      onProgress(before + written, total)
    }
    await inTransaction(async (transaction) => {
      if (!await notices.finish(id, transaction)) return
      await audit.append({ event: 'notice.sent', subject: id, actor: 'command line', requestId, facts: { recipients: before + written } }, transaction)
    })
    return { written, before }
  }
