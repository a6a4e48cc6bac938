/** Another try for mails that were given up. */
import type { Audit } from '@countersign/mongo'
import type { DeliveryRepository } from './delivery-repository.ts'

export interface FailedDelivery {
  readonly deliveryId: string
  readonly queue: string
  /** Absent when the job breaks its contract. */
  readonly usefulUntil: Date | undefined
}

/** Delivery ids. `refused`: without a record that failed, since they were forged, or were sent or dropped after all. */
export interface Requeued {
  readonly requeued: readonly string[]
  readonly late: readonly string[]
  readonly refused: readonly string[]
}

export interface RequeueDeps {
  readonly deliveries: Pick<DeliveryRepository, 'reopen' | 'stateOf'>
  readonly retry: (delivery: FailedDelivery) => Promise<void>
  readonly audit: Audit
  readonly now: () => Date
}

export const createRequeueMails = ({ deliveries, retry, audit, now }: RequeueDeps) => async (failed: readonly FailedDelivery[], { dryRun }: { readonly dryRun: boolean }): Promise<Requeued> => {
  const [requeued, late, refused]: [string[], string[], string[]] = [[], [], []]
  for (const delivery of failed) {
    const { deliveryId, queue, usefulUntil } = delivery
    const state = await deliveries.stateOf(deliveryId)
    // `claimed`: reopened by a run that was interrupted before it reached the queue.
    if (usefulUntil === undefined || (state !== 'failed' && state !== 'claimed')) {
      refused.push(deliveryId)
    } else if (usefulUntil <= now()) {
      late.push(deliveryId)
    } else {
      if (!dryRun) {
        // The record first: a job without it would find that all is over, and end.
        await deliveries.reopen(deliveryId)
        await retry(delivery)
        await audit.append({ event: 'mail.requeued', subject: deliveryId, actor: 'operator', facts: { queue } })
      }
      requeued.push(deliveryId)
    }
  }
  return { requeued, late, refused }
}
