/**
 * Delivers one mail: open, claim, render, send, write down. At least once, not exactly once: a worker that dies between the mail server's
 * answer and its own note sends again, under the same Message-ID, by which mail programs recognise the second one.
 */
import type { MailPayload } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { RenderMail } from '../templates/render-mail.ts'
import type { SendMail } from '../smtp/smtp-sender.ts'
import { SmtpFault } from '../smtp/smtp-fault.ts'
import type { DeliveryEvents } from './delivery-events.ts'
import type { Claim } from './delivery.ts'
import type { DeliveryRepository } from './delivery-repository.ts'
import { MailRefused, type OpenMail } from './open-mail.ts'

export interface DeliverDeps {
  readonly open: OpenMail
  readonly deliveries: Pick<DeliveryRepository, 'claim' | 'sent' | 'fail' | 'giveUp' | 'release'>
  readonly render: RenderMail
  readonly send: SendMail
  readonly audit: Audit
  readonly events: DeliveryEvents
}

export interface MailJob {
  readonly queue: string
  readonly payload: MailPayload
  /** No further attempt follows this one. */
  readonly lastAttempt: boolean
}

/** `final`: the job must not be tried again. `again`: it must. */
export type DeliveryResult = { readonly then: 'done' } | { readonly then: 'final' | 'again', readonly why: string }

const heldElsewhere = 'another worker holds this delivery'

export function createDeliverMail ({ open, deliveries, render, send, audit, events }: DeliverDeps) {
  const refuse = async ({ queue, payload }: MailJob, reason: string): Promise<DeliveryResult> => {
    events.ended(queue, 'refused', payload)
    // The delivery id is only a claim until the seal opens, so no delivery is written: a forged job cannot spoil a real one.
    await audit.append({ event: 'mail.refused', subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason } })
    return { then: 'final', why: `refused: ${reason}` }
  }

  const failed = async ({ queue, payload, lastAttempt }: MailJob, claim: Claim, fault: SmtpFault): Promise<DeliveryResult> => {
    events.faulted(queue, fault, payload)
    if (fault.permanent || lastAttempt) {
      await deliveries.fail(claim, fault.reason)
      events.ended(queue, 'failed', payload)
      await audit.append({ event: 'mail.failed', subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason: fault.reason } })
      return { then: 'final', why: fault.reason }
    }
    // What may still be on its way keeps its lease: the next attempt waits for it.
    if (!fault.maybeSent) await deliveries.release(claim, fault.reason)
    return { then: 'again', why: fault.reason }
  }

  /** Nobody comes back to it: either its worker writes an end yet, or it was killed. */
  const givenUp = async ({ queue, payload }: MailJob): Promise<DeliveryResult> => {
    if (await deliveries.giveUp(payload.delivery_id, heldElsewhere)) {
      events.ended(queue, 'failed', payload)
      await audit.append({ event: 'mail.failed', subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason: heldElsewhere } })
    }
    return { then: 'final', why: heldElsewhere }
  }

  return async (job: MailJob): Promise<DeliveryResult> => {
    const { queue, payload } = job
    let content
    try {
      content = open(queue, payload)
    } catch (error) {
      if (error instanceof MailRefused) return await refuse(job, error.reason)
      throw error
    }

    const outcome = await deliveries.claim({ deliveryId: payload.delivery_id, queue, requestId: payload.request_id, usefulUntil: new Date(payload.useful_until) })
    if (outcome.decision === 'busy') return job.lastAttempt ? await givenUp(job) : { then: 'again', why: heldElsewhere }
    if (outcome.decision !== 'send') {
      events.ended(queue, outcome.decision === 'late' ? 'dropped' : 'duplicate', payload)
      return { then: 'done' }
    }

    try {
      await send(content.to, render(content), { deliveryId: payload.delivery_id, requestId: payload.request_id })
    } catch (error) {
      if (error instanceof SmtpFault) return await failed(job, outcome.claim, error)
      throw error
    }
    events.ended(queue, 'sent', payload, await deliveries.sent(outcome.claim))
    return { then: 'done' }
  }
}
