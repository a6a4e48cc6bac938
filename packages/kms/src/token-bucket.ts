/** Keeps this process below a rate: takers wait their turn in order, and who would wait too long is told at once. */

import { setTimeout as wait } from 'node:timers/promises'

export interface TokenBucket {
  /** @returns false, with nothing taken, when the wait would be longer than `maxWaitMs` */
  take (maxWaitMs: number): Promise<boolean>
}

export interface TokenBucketOptions {
  perSecond: number
  /** Tokens that may be taken at once after a pause. In any one second at most `perSecond + burst` are taken. */
  burst: number
  /** Milliseconds, monotonic. */
  now?: () => number
  sleep?: (ms: number) => Promise<unknown>
}

/** @throws RangeError for a rate or burst that never lets anybody through */
export function createTokenBucket ({ perSecond, burst, now = () => performance.now(), sleep = wait }: TokenBucketOptions): TokenBucket {
  if (!(perSecond > 0) || !(burst >= 1)) throw new RangeError('a token bucket needs a rate above 0 and a burst of at least 1')
  const msPerToken = 1000 / perSecond
  // The time at which the bucket is full again says it all: each taker moves it on by one token (the generic cell rate algorithm).
  let fullAt = now()
  return {
    take: async (maxWaitMs) => {
      const time = now()
      const next = Math.max(fullAt, time) + msPerToken
      const waitMs = next - time - burst * msPerToken
      if (waitMs > maxWaitMs) return false
      fullAt = next
      if (waitMs > 0) await sleep(waitMs)
      return true
    }
  }
}
