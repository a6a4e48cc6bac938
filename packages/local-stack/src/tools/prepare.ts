import { findAnvil } from './anvil.ts'
import { findMongod } from './mongod.ts'
import type { Progress } from './progress.ts'
import { findRedisServer } from './redis-server.ts'

export interface Tools { readonly mongod: string, readonly redisServer: string, readonly anvil: string }

/**
 * Sees to it that all servers are there, downloading what is missing. Instant when nothing is; safe to run twice at once.
 * @throws StackFault naming the first tool that cannot be had
 */
export const prepareTools = async ({ onProgress }: { onProgress?: Progress } = {}): Promise<Tools> => {
  const [mongod, redis] = await Promise.all([findMongod(onProgress), findRedisServer(onProgress)])
  return { mongod, redisServer: redis.path, anvil: findAnvil() }
}
