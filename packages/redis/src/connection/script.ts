/** Lua by its hash. ioredis' own scripts assume that Redis keeps them, which a restart undoes. */
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export type ScriptRun = (redis: Redis, keys: readonly string[], values: readonly (string | number)[]) => Promise<unknown>

/**
 * @param source Lua that names every key it touches in KEYS (ACL users and cluster slots need it)
 * @returns a function that runs it, sending the source only when Redis does not know it
 */
export const defineScript = (source: string): ScriptRun => {
  const sha = createHash('sha1').update(source).digest('hex')
  return async (redis, keys, values) => {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...values)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await redis.eval(source, keys.length, ...keys, ...values)
    }
  }
}
