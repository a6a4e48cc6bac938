/**
 * One holder at a time for recurring work. A lock that expires cannot stop a process that sleeps through its end, so what must be
 * right even then (money, nonces) is guarded by an epoch in MongoDB; this lock saves double work.
 */
import type { Redis } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import { defineScript } from '../connection/script.ts'
import { randomHandle } from '../random-handle.ts'
import { holdLock } from './hold-lock.ts'
import { LockLost } from './lock-lost.ts'

export interface LockOptions {
  readonly redis: Redis
  readonly log: Logger
}

export type LockResult<T> = { readonly held: true, readonly value: T } | { readonly held: false }

const acquire = defineScript('if redis.call(\'SET\', KEYS[1], ARGV[1], \'NX\', \'PX\', ARGV[2]) then return 1 end return 0')
const release = defineScript('if redis.call(\'GET\', KEYS[1]) == ARGV[1] then return redis.call(\'DEL\', KEYS[1]) end return 0')

/**
 * Runs the work when nobody else holds the lock, and keeps holding it until the work ends.
 * @param name the key in Redis, such as `gw:lock:session-sweep`: within the keys this service's user may touch
 * @param ttlMs after which the lock of a dead process is free; extended every third of it
 * @param work gets a signal that is aborted when the lock is lost; it should stop then
 * @returns held false, without running the work, when somebody else holds it
 * @throws LockLost when the lock was lost before the work ended, whatever the work returned; the work's own error when it throws first;
 * Redis' error when it cannot be asked: unknown is not "held by another"
 */
export const withLock = async <T>({ redis, log }: LockOptions, name: string, ttlMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<LockResult<T>> => {
  const token = randomHandle()
  const hold = holdLock({ redis, log, name, token, ttlMs })
  try {
    if (await acquire(redis, [name], [token, ttlMs]) !== 1) return { held: false }
    hold.begin()
    const value = await work(hold.signal)
    if (hold.lost()) throw new LockLost(name)
    return { held: true, value }
  } finally {
    hold.end()
    // Should this fail, the TTL frees it.
    await release(redis, [name], [token]).catch((err: unknown) => { log.warn({ err, lock: name }, 'lock could not be released') })
  }
}
