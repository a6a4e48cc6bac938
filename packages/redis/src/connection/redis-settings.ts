/** How every connection of the house behaves: it fails fast while Redis is away and comes back by itself. */
import type { RedisOptions } from 'ioredis'

export interface RedisTarget {
  /** `redis://user:password@host:port/db` or `rediss://…`. It holds a secret, so it is never logged. */
  readonly url: string
  /** Shown by CLIENT LIST. */
  readonly name: string
}

/** Half a second at most between two attempts, spread so that many processes do not knock together. */
const retryDelayMs = (times: number): number => Math.min(25 * 2 ** Math.min(times, 5), 500) * (0.5 + Math.random() / 2)

/**
 * Nothing waits in a queue of the client and nothing is sent twice: what Redis did not answer may have
 * happened, and the caller, who knows whether it may be repeated, is told so at once.
 */
export const failFast = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: retryDelayMs,
  connectTimeout: 2_000,
  commandTimeout: 2_000,
  // A peer that vanished without closing: the socket is given up and opened again.
  socketTimeout: 4_000,
  keepAlive: 5_000
} satisfies RedisOptions
