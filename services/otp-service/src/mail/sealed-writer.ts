/** Messages leave this service sealed whole: neither Redis nor the outbox ever holds an address, a number or a code in clear. */
import { mailSealContext, type Job, type MailPayload } from '@countersign/contracts'
import type { Outbox, OutboxEntry, OutboxRow } from '@countersign/mongo'
import { seal } from '@countersign/secrets'
import type { Transaction } from '../transaction.ts'

export interface SealedWriter<Content> {
  /**
   * Writes the message into the outbox, in the transaction of what it tells of. Dispatch the row after the commit.
   * @param usefulUntil a time that the database gave; a later delivery is dropped.
   */
  write (content: Content, given: Sealing, transaction: Transaction): Promise<OutboxRow>
  /** What `write` would put into the outbox, for whoever writes several at once. */
  entryOf (content: Content, given: Sealing): OutboxEntry
}

export interface Sealing { readonly usefulUntil: Date, readonly requestId: string }

export interface SealedWriterDeps {
  readonly outbox: Pick<Outbox, 'insert'>
  /** MAIL_SEAL_KEY: this service's own, 32 bytes. The name of the queue in the seal keeps its queues apart. */
  readonly sealKey: Uint8Array
  readonly newDeliveryId: () => string
}

export const createSealedWriter = <Content>({ name: queue, jobId }: Pick<Job<typeof MailPayload>, 'name' | 'jobId'>, { outbox, sealKey, newDeliveryId }: SealedWriterDeps): SealedWriter<Content> => {
  const entryOf = (content: Content, { usefulUntil, requestId }: Sealing): OutboxEntry => {
    const place = { delivery_id: newDeliveryId(), useful_until: usefulUntil.toISOString() }
    const payload: MailPayload = {
      ...place,
      request_id: requestId,
      sealed: seal({ key: sealKey, plaintext: JSON.stringify(content), associated: mailSealContext(queue, place) })
    }
    return { queue, jobId: jobId(payload), payload, usefulUntil }
  }
  return { entryOf, write: async (content, given, transaction) => await outbox.insert(entryOf(content, given), transaction) }
}
