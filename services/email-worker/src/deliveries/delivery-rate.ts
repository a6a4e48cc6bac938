/** How fast messages go out, for all workers together: to one recipient, and to the mail server or the provider. */
import type { LimitBucket, Limiter } from '@countersign/redis'

export interface DeliveryRateOptions {
  readonly limiter: Pick<Limiter, 'take' | 'giveBack'>
  /** Keyed hash of an address: Redis' keys are seen by whoever lists them. */
  readonly hashOf: (address: string) => string
  readonly perMinute: number
  readonly perRecipientPerHour: number
}

/** `giveBack` is for a message that did not go after all. */
export type Turn = { readonly granted: true, readonly giveBack: () => Promise<void> } | { readonly granted: false }

/** @throws Redis' error when it cannot be asked */
export type TakeTurn = (address: string) => Promise<Turn>

const minuteMs = 60_000
const hourMs = 3_600_000

export const createDeliveryRate = ({ limiter, hashOf, perMinute, perRecipientPerHour }: DeliveryRateOptions): TakeTurn => async (address) => {
  const buckets: LimitBucket[] = [
    { key: 'all', max: perMinute, windowMs: minuteMs },
    { key: hashOf(address), max: perRecipientPerHour, windowMs: hourMs }
  ]
  const { allowed, takenAtMs } = await limiter.take(buckets)
  if (!allowed) return { granted: false }
  // An allowance that Redis did not take back comes back with its window.
  return { granted: true, giveBack: async () => { await limiter.giveBack(buckets, takenAtMs).catch(() => undefined) } }
}
