import { randomBytes } from 'node:crypto'
import { startRedisServer, type RedisServer, type RedisServerOptions } from '@countersign/local-stack'
import { scratchDirectory, type TestContext } from './test-context.ts'

export type TestRedis = Omit<RedisServer, 'stop'>

/** A redis-server that this test file may kill, empty and pause as it likes. `url` is the administrator's. */
export const startRedis = async (t: TestContext, options: Pick<RedisServerOptions, 'users' | 'port'> = {}): Promise<TestRedis> => {
  const directory = await scratchDirectory(t, 'redis')
  const server = await startRedisServer({ ...options, directory, password: randomBytes(24).toString('base64url') })
  t.teardown(server.stop)
  return server
}
