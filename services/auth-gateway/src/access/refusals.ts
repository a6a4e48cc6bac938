/**
 * Routes for services are limited far above what a person needs, because their callers are known. Whoever is refused there is not, and
 * is counted as any stranger is: credentials that are made up must not buy reads of the database.
 */
import { Problem, problems } from '@countersign/contracts'
import type { Limiter } from '@countersign/redis'
import { LRUCache } from 'lru-cache'

export interface RefusalsDeps {
  readonly limiter: Pick<Limiter, 'take'>
  readonly max: number
  readonly windowMs: number
}

export interface Refusals {
  /** @throws Problem rateLimited while this place has been refused too often */
  check (ip: string): void
  /** After a refusal. Never rejects: without Redis nothing is counted. */
  note (ip: string): Promise<void>
}

export function createRefusals ({ limiter, max, windowMs }: RefusalsDeps): Refusals {
  const barred = new LRUCache<string, number>({ max: 100_000, ttl: windowMs })
  return {
    check (ip) {
      const seconds = barred.get(ip)
      if (seconds !== undefined) throw new Problem(problems.rateLimited, { retry_after: seconds })
    },
    async note (ip) {
      const verdict = await limiter.take([{ key: `refused:${ip}`, max, windowMs }]).catch(() => undefined)
      if (verdict?.allowed === false) barred.set(ip, Math.ceil(verdict.retryAfterMs / 1000), { ttl: Math.max(1, verdict.retryAfterMs) })
    }
  }
}
