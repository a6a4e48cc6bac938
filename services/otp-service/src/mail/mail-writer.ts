/** Mails leave this service sealed whole: neither Redis nor the outbox ever holds an address or a code in clear. */
import { mailFromOtp, mailSealContext, type MailContent, type MailPayload } from '@countersign/contracts'
import type { Outbox, OutboxRow } from '@countersign/mongo'
import { seal } from '@countersign/secrets'
import type { Transaction } from '../transaction.ts'

export interface MailWriter {
  /**
   * Writes the mail into the outbox, in the transaction of what it tells of. Dispatch the row after the commit.
   * @param usefulUntil a time that the database gave; a later delivery is dropped.
   */
  write (content: MailContent, given: { readonly usefulUntil: Date, readonly requestId: string }, transaction: Transaction): Promise<OutboxRow>
}

export interface MailWriterDeps {
  readonly outbox: Pick<Outbox, 'insert'>
  /** MAIL_SEAL_KEY: this service's own, 32 bytes. */
  readonly sealKey: Uint8Array
  readonly newDeliveryId: () => string
}

export const createMailWriter = ({ outbox, sealKey, newDeliveryId }: MailWriterDeps): MailWriter => ({
  async write (content, { usefulUntil, requestId }, transaction) {
    const place = { delivery_id: newDeliveryId(), useful_until: usefulUntil.toISOString() }
    const payload: MailPayload = {
      ...place,
      request_id: requestId,
      sealed: seal({ key: sealKey, plaintext: JSON.stringify(content), associated: mailSealContext(mailFromOtp.name, place) })
    }
    return await outbox.insert({ queue: mailFromOtp.name, jobId: mailFromOtp.jobId(payload), payload, usefulUntil }, transaction)
  }
})
