/** How producers and workers reach their queue. */
import type { RedisOptions } from 'bullmq'
import { failFast, type RedisTarget } from '../connection/redis-settings.ts'

/** Holds the URL with its secret: hand it on, never log it. */
export type JobConnection = RedisTarget

/** What both `createProducer` and `startWorker` need. Nothing is connected yet. */
export const jobConnection = (url: string, name: string): JobConnection => Object.freeze({ url, name })

/** A person or an outbox waits for it: while Redis is away it says so at once. Connects by itself, hence not lazy. */
export const producerSettings = ({ url, name }: JobConnection): RedisOptions => ({
  ...failFast, url, connectionName: `${name}:jobs`, lazyConnect: false,
  // Without it BullMQ asks once for the version, and is broken for good when that one answer fails.
  skipVersionCheck: true
})

/** Nobody waits for it: it waits for Redis as long as it takes. */
export const workerSettings = ({ url, name }: JobConnection): RedisOptions => {
  const { retryStrategy, connectTimeout, keepAlive } = failFast
  return { url, connectionName: `${name}:worker`, maxRetriesPerRequest: null, retryStrategy, connectTimeout, keepAlive }
}
