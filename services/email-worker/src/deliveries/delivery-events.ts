/** What alerts read about mails and text messages. Ids only: neither recipient nor content. */
import type { MailPayload } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Channel, Sent } from './delivery.ts'
import type { DeliveryFault } from './delivery-fault.ts'

export type DeliveryEnd = 'sent' | 'dropped' | 'suppressed' | 'duplicate' | 'failed' | 'refused'

type Ids = Pick<MailPayload, 'delivery_id' | 'request_id'>

export interface DeliveryEvents {
  /** @param sent absent when another worker took the delivery over while this one sent it. */
  ended (queue: string, end: DeliveryEnd, ids: Ids, sent?: Sent): void
  faulted (queue: string, fault: DeliveryFault, ids: Ids): void
  /** The rate is used up: it goes later. */
  postponed (queue: string, ids: Ids): void
  /** It is sent although an attempt before may have sent it. */
  repeated (queue: string, ids: Ids): void
}

const ends: readonly DeliveryEnd[] = ['sent', 'dropped', 'suppressed', 'duplicate', 'failed', 'refused']

/** Those of codes bear the names that the earlier systems' dashboards read. */
const names = {
  mail: { code: 'otp_email', whose: 'the mail server' },
  sms: { code: 'otp_sms', whose: 'the provider' }
} as const

export function createDeliveryEvents (log: Logger, metrics: Metrics, channel: Channel, queues: readonly string[]): DeliveryEvents {
  const { code, whose } = names[channel]
  const deliveries = metrics.counter({ name: `${channel}_deliveries_total`, help: `Jobs of ${channel} by what came of them`, labels: ['queue', 'outcome'] })
  const sentTotal = metrics.counter({ name: `${code}_sent_total`, help: `Messages that ${whose} accepted`, labels: ['queue'] })
  const errors = metrics.counter({ name: `${code}_errors`, help: 'Attempts to send that failed', labels: ['queue'] })
  const latency = metrics.histogram({
    name: `${code}_latency`,
    help: `Seconds from the first attempt at a delivery to its acceptance by ${whose}`,
    labels: ['queue'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
  })
  const postponements = metrics.counter({ name: `${channel}_postponed_total`, help: 'Attempts put off because a rate was used up', labels: ['queue'] })
  const repeats = metrics.counter({ name: `${channel}_possible_duplicates_total`, help: 'Messages sent again after an attempt whose end nobody knows', labels: ['queue'] })
  for (const queue of queues) {
    for (const outcome of ends) deliveries.inc({ queue, outcome }, 0)
    for (const counter of [sentTotal, errors, postponements, repeats]) counter.inc({ queue }, 0)
  }

  return {
    ended (queue, outcome, { delivery_id: deliveryId, request_id: requestId }, sent) {
      deliveries.inc({ queue, outcome })
      if (outcome === 'sent') {
        sentTotal.inc({ queue })
        if (sent === undefined) log.warn({ queue, deliveryId, requestId }, `${channel} sent after its lease ended, it may arrive twice`)
        else latency.observe({ queue }, (sent.sentAt.getTime() - sent.createdAt.getTime()) / 1_000)
      }
      log[outcome === 'failed' || outcome === 'refused' ? 'warn' : 'info']({ queue, deliveryId, requestId, outcome }, `${channel} ${outcome}`)
    },
    faulted (queue, { reason, permanent }, { delivery_id: deliveryId, request_id: requestId }) {
      errors.inc({ queue })
      log.warn({ queue, deliveryId, requestId, reason, permanent }, `${channel} was not accepted`)
    },
    postponed (queue, { delivery_id: deliveryId, request_id: requestId }) {
      postponements.inc({ queue })
      log.info({ queue, deliveryId, requestId }, `${channel} postponed, its rate is used up`)
    },
    repeated (queue, { delivery_id: deliveryId, request_id: requestId }) {
      repeats.inc({ queue })
      log.warn({ queue, deliveryId, requestId }, `${channel} may arrive twice, the attempt before it had no known end`)
    }
  }
}
