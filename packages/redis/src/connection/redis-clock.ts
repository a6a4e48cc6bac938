/** What the clock of Redis shows now, without asking: its last answer plus what this machine's stopwatch measured since. */
import { performance } from 'node:perf_hooks'

export interface RedisClock {
  /** Milliseconds since the epoch by Redis, behind by at most the way back of the last answer; -Infinity before the first. */
  readonly now: () => number
  /** @param redisMs what Redis just answered */
  readonly set: (redisMs: number) => void
}

/** The stopwatch is monotonic: setting the machine's clock moves nothing. */
export const createRedisClock = (): RedisClock => {
  let offsetMs = -Infinity
  return {
    now: () => performance.now() + offsetMs,
    set: (redisMs) => { offsetMs = redisMs - performance.now() }
  }
}
