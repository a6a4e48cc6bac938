/**
 * Delivers one mail or text message: open, claim, ask for a turn, send, write down. At least once, not exactly once: after a worker that
 * died between the server's answer and its own note another sends again, once, under the same Message-ID or idempotency key, by which mail
 * programs and providers recognise the second one.
 */
import type { MailPayload } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Channel, Claim } from './delivery.ts'
import type { DeliveryEvents } from './delivery-events.ts'
import { DeliveryFault } from './delivery-fault.ts'
import type { DeliveryRepository } from './delivery-repository.ts'
import type { TakeTurn, Turn } from './delivery-rate.ts'
import { DeliveryRefused, type OpenSealed } from './open-sealed.ts'
import type { SuppressionRepository } from './suppression-repository.ts'

/** What every message has; the rest is for whoever sends it. */
export interface Addressed { readonly to: string }

export interface DeliverDeps<Content extends Addressed> {
  readonly channel: Channel
  readonly open: OpenSealed<Content>
  readonly deliveries: Pick<DeliveryRepository, 'claim' | 'sent' | 'fail' | 'giveUp' | 'release' | 'drop'>
  readonly suppressions: Pick<SuppressionRepository, 'add' | 'drops'>
  readonly takeTurn: TakeTurn
  /** @throws DeliveryFault */
  readonly send: (content: Content, ids: { readonly deliveryId: string, readonly requestId: string }) => Promise<void>
  readonly audit: Audit
  readonly events: DeliveryEvents
}

export interface DeliveryJob {
  readonly queue: string
  readonly payload: MailPayload
  /** No further attempt follows this one. */
  readonly lastAttempt: boolean
}

/** `final`: the job must not be tried again. `again`: it must. */
export type DeliveryResult = { readonly then: 'done' } | { readonly then: 'final' | 'again', readonly why: string }

const heldElsewhere = 'another worker holds this delivery'

export type Deliver = (job: DeliveryJob) => Promise<DeliveryResult>

export function createDeliver<Content extends Addressed> ({ channel, open, deliveries, suppressions, takeTurn, send, audit, events }: DeliverDeps<Content>): Deliver {
  const rateUsedUp = `the rate of ${channel} is used up`

  const refuse = async ({ queue, payload }: DeliveryJob, reason: string): Promise<DeliveryResult> => {
    events.ended(queue, 'refused', payload)
    // The delivery id is only a claim until the seal opens, so no delivery is written: a forged job cannot spoil a real one.
    await audit.append({ event: `${channel}.refused`, subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason } })
    return { then: 'final', why: `refused: ${reason}` }
  }

  /** After its row says so. */
  const failed = async ({ queue, payload }: DeliveryJob, reason: string): Promise<DeliveryResult> => {
    events.ended(queue, 'failed', payload)
    await audit.append({ event: `${channel}.failed`, subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason } })
    return { then: 'final', why: reason }
  }

  const notAccepted = async (job: DeliveryJob, to: string, claim: Claim, fault: DeliveryFault): Promise<DeliveryResult> => {
    const { queue, payload } = job
    events.faulted(queue, fault, payload)
    if (fault.noSuchRecipient) {
      await suppressions.add(to, { reason: fault.reason, deliveryId: payload.delivery_id })
      await audit.append({ event: `${channel}.suppressed`, subject: payload.delivery_id, requestId: payload.request_id, facts: { queue, reason: fault.reason } })
    }
    if (fault.permanent || job.lastAttempt) {
      await deliveries.fail(claim, fault.reason)
      return await failed(job, fault.reason)
    }
    // What may still be on its way keeps its lease: the next attempt waits for it.
    if (!fault.maybeSent) await deliveries.release(claim, fault.reason)
    return { then: 'again', why: fault.reason }
  }

  const postponed = async (job: DeliveryJob, claim: Claim): Promise<DeliveryResult> => {
    events.postponed(job.queue, job.payload)
    if (job.lastAttempt) {
      await deliveries.fail(claim, rateUsedUp)
      return await failed(job, rateUsedUp)
    }
    await deliveries.release(claim, rateUsedUp)
    return { then: 'again', why: rateUsedUp }
  }

  /** Nobody comes back to it: either its worker writes an end yet, or it was killed. */
  const givenUp = async (job: DeliveryJob): Promise<DeliveryResult> =>
    await deliveries.giveUp(job.payload.delivery_id, heldElsewhere) ? await failed(job, heldElsewhere) : { then: 'final', why: heldElsewhere }

  const turnFor = async (to: string, claim: Claim): Promise<Turn> => {
    try {
      return await takeTurn(to)
    } catch (error) {
      await deliveries.release(claim, `the rate of ${channel} is not known`)
      throw error
    }
  }

  const handOver = async (job: DeliveryJob, content: Content, claim: Claim): Promise<DeliveryResult> => {
    const { queue, payload } = job
    const { to } = content
    if (await suppressions.drops(to)) {
      await deliveries.drop(claim, 'suppressed')
      events.ended(queue, 'suppressed', payload)
      return { then: 'done' }
    }
    const turn = await turnFor(to, claim)
    if (!turn.granted) return await postponed(job, claim)
    try {
      await send(content, { deliveryId: payload.delivery_id, requestId: payload.request_id })
    } catch (error) {
      if (!(error instanceof DeliveryFault)) throw error
      if (!error.maybeSent) await turn.giveBack()
      return await notAccepted(job, to, claim, error)
    }
    events.ended(queue, 'sent', payload, await deliveries.sent(claim))
    return { then: 'done' }
  }

  return async (job: DeliveryJob): Promise<DeliveryResult> => {
    const { queue, payload } = job
    let content
    try {
      content = open(queue, payload)
    } catch (error) {
      if (error instanceof DeliveryRefused) return await refuse(job, error.reason)
      throw error
    }

    const outcome = await deliveries.claim({ deliveryId: payload.delivery_id, queue, requestId: payload.request_id, usefulUntil: new Date(payload.useful_until) })
    switch (outcome.decision) {
      case 'busy': return job.lastAttempt ? await givenUp(job) : { then: 'again', why: heldElsewhere }
      case 'in doubt': return await failed(job, 'in doubt')
      case 'late':
      case 'over':
        events.ended(queue, outcome.decision === 'late' ? 'dropped' : 'duplicate', payload)
        return { then: 'done' }
      case 'send':
        if (outcome.maybeAgain) events.repeated(queue, payload)
        return await handOver(job, content, outcome.claim)
    }
  }
}
