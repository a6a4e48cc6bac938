import type { Static, TSchema } from 'typebox'
import type { ServiceName } from './services.ts'

/** A durable message that may be late. Plain data: it knows no Redis. */
export interface Job<Payload extends TSchema = TSchema> {
  /** Queue name. One queue per contract and producer; BullMQ forbids a colon here. */
  readonly name: string
  readonly summary: string
  readonly producer: ServiceName
  readonly consumer: ServiceName
  readonly payload: Payload
  /** Same payload, same id: adding it twice enqueues it once. No colons, not a bare integer. */
  readonly jobId: (payload: Static<Payload>) => string
  readonly attempts: number
  /** Before the second attempt; each later wait is twice as long, up to the longest. Every wait is shortened by chance, to half at most. */
  readonly firstRetryMs: number
  readonly longestRetryMs?: number
}

export type PayloadOf<J extends Job> = Static<J['payload']>

export const defineJob = <Payload extends TSchema>(job: Job<Payload>): Job<Payload> => Object.freeze(job)

/** Braces make all keys of one queue hash to one cluster slot, and name what the Redis user may touch. */
export const queuePrefix = (job: Pick<Job, 'name'>): string => `{${job.name}}`
