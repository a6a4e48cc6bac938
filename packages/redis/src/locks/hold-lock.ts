/** Extends a lock while its work runs and says when it is lost. */
import { performance } from 'node:perf_hooks'
import type { Redis } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import { defineScript } from '../connection/script.ts'
import { LockLost } from './lock-lost.ts'

const extend = defineScript('if redis.call(\'GET\', KEYS[1]) == ARGV[1] then return redis.call(\'PEXPIRE\', KEYS[1], ARGV[2]) end return 0')

export interface HoldLockOptions {
  readonly redis: Redis
  readonly log: Logger
  readonly name: string
  readonly token: string
  readonly ttlMs: number
}

export interface HeldLock {
  /** Aborted when the lock is certainly or possibly somebody else's. */
  readonly signal: AbortSignal
  /** Also true when the process was too busy to notice the end in time. */
  readonly lost: () => boolean
  readonly begin: () => void
  readonly end: () => void
}

/** Made just before the lock is asked for: its life is reckoned from then, so it ends here no later than in Redis. */
export const holdLock = ({ redis, log, name, token, ttlMs }: HoldLockOptions): HeldLock => {
  const abort = new AbortController()
  let aliveUntil = performance.now() + ttlMs
  let timers: NodeJS.Timeout[] = []

  const end = (): void => {
    timers.forEach(clearInterval)
    timers = []
  }
  const lose = (): void => {
    end()
    log.warn({ lock: name }, 'lock lost')
    abort.abort(new LockLost(name))
  }
  const extendOnce = async (): Promise<void> => {
    const askedAt = performance.now()
    try {
      const extended = await extend(redis, [name], [token, ttlMs])
      if (timers.length === 0) return
      if (extended === 1) aliveUntil = askedAt + ttlMs
      else lose()
    } catch (err) {
      // Not lost yet: there are two more tries before it expires.
      log.warn({ err, lock: name }, 'lock could not be extended')
    }
  }

  return {
    signal: abort.signal,
    lost: () => abort.signal.aborted || performance.now() >= aliveUntil,
    begin: () => {
      timers = [
        setInterval(() => { void extendOnce() }, Math.max(1, Math.floor(ttlMs / 3))),
        // A third is too coarse to notice the end in time.
        setInterval(() => { if (performance.now() >= aliveUntil) lose() }, Math.max(1, Math.floor(ttlMs / 20)))
      ]
    },
    end
  }
}
