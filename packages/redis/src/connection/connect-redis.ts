/** One connection to Redis that logs when it is lost and found, and never what went over it. */
import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import { failFast, type RedisTarget } from './redis-settings.ts'

export interface ConnectRedisOptions extends RedisTarget {
  readonly log: Logger
}

/**
 * Opens a connection that fails fast: while Redis is away every command rejects at once, and the connection is made again in the background.
 * Commands of one turn of the event loop leave in one write (auto-pipelining).
 * @returns the connection, ready for commands
 * @throws when Redis does not answer now or refuses the user; starting again is the caller's decision
 */
export const connectRedis = async (options: ConnectRedisOptions): Promise<Redis> =>
  await openConnection(options, { enableAutoPipelining: true })

/** The same with other settings of the client, for what blocks or listens. */
export const openConnection = async ({ url, name, log }: ConnectRedisOptions, settings: RedisOptions = {}): Promise<Redis> => {
  const redis = new Redis(url, { ...failFast, connectionName: name, ...settings })
  reportLoss(redis, log, name)
  try {
    await redis.connect()
  } catch (error) {
    redis.disconnect()
    throw error
  }
  return redis
}

/** Milliseconds since the epoch by the clock of Redis, the only one that decides when something expires. */
export const redisTime = async (redis: Pick<Redis, 'time'>): Promise<number> => timeInMs(await redis.time())

/** What TIME answers (seconds, microseconds) as whole milliseconds. */
export const timeInMs = ([seconds, microseconds]: readonly (number | string)[]): number =>
  Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)

/** One line when it goes and one when it comes back, not one per attempt. */
function reportLoss (redis: Redis, log: Logger, connection: string): void {
  let lost = false
  redis.on('error', (err: Error) => {
    if (lost) return
    lost = true
    log.warn({ connection, err }, 'redis connection fault')
  })
  redis.on('close', () => {
    if (!lost && redis.status !== 'end') log.warn({ connection }, 'redis connection lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info({ connection }, 'redis connection is back')
    lost = false
  })
}
