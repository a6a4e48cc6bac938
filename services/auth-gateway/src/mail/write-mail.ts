/** Mails of the gateway: sealed whole, written with the outbox, delivered by email-worker. */
import { MailContent, mailFromGateway, mailSealContext, type MailPayload } from '@countersign/contracts'
import type { Outbox, OutboxRow } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import { seal } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import { Value } from 'typebox/value'

export interface WriteMailDeps {
  readonly outbox: Pick<Outbox, 'insert'>
  /** 32 bytes that only this service and email-worker hold. */
  readonly sealKey: Uint8Array
  readonly now: () => Date
}

/** A notice is worth sending for a day. */
const usefulMs = 24 * 3_600_000

/**
 * @param deliveryId of a mail that must be written once, however often it is asked for: the second one breaks the outbox's unique index
 * @returns the row to dispatch after the commit.
 */
export const createWriteMail = ({ outbox, sealKey, now }: WriteMailDeps) =>
  async (content: MailContent, requestId: string, transaction: ClientSession, deliveryId = newId('dlv')): Promise<OutboxRow> => {
    // A template that email-worker would refuse fails here, where the mistake is.
    const valid: boolean = Value.Check(MailContent, content)
    if (!valid) throw new TypeError(`mail ${content.template} breaks its contract`)
    const head = { delivery_id: deliveryId, useful_until: new Date(now().getTime() + usefulMs).toISOString() }
    const payload: MailPayload = {
      ...head,
      request_id: requestId,
      sealed: seal({ key: sealKey, plaintext: JSON.stringify(content), associated: mailSealContext(mailFromGateway.name, head) })
    }
    return await outbox.insert({
      queue: mailFromGateway.name, jobId: mailFromGateway.jobId(payload), payload, usefulUntil: { inMs: usefulMs }
    }, transaction)
  }
