import { startRedis, until } from '@countersign/testing'
import t from 'tap'
import { connectRedis, LockLost, withLock } from '../../src/index.ts'
import { telemetry } from '../commands/echo.ts'

const server = await startRedis(t)
const side = telemetry('auth-gateway')
const redis = await connectRedis({ url: server.url, name: 'test', log: side.log })
t.teardown(() => { redis.disconnect() })
const options = { redis, log: side.log }
const name = 'gw:lock:test'

t.afterEach(async () => { await server.flush() })

t.test('of twenty that ask at once, one works', async (t) => {
  let working = 0
  const results = await Promise.all(Array.from({ length: 20 }, () => withLock(options, name, 5_000, async () => {
    working += 1
    await until(async () => await redis.exists(name) === 1, { what: 'the lock' })
    return 'done'
  })))

  t.equal(working, 1)
  t.strictSame(results.filter(({ held }) => held), [{ held: true, value: 'done' }])
})

t.test('the lock is free again when the work ends, well or badly', async (t) => {
  t.strictSame(await withLock(options, name, 5_000, async () => 1), { held: true, value: 1 })
  await t.rejects(withLock(options, name, 5_000, async () => { throw new Error('broken') }), { message: 'broken' })
  t.strictSame(await withLock(options, name, 5_000, async () => 2), { held: true, value: 2 })
})

t.test('the lock is extended for as long as the work takes', async (t) => {
  const from = performance.now()
  const long = withLock(options, name, 300, async (signal) => {
    await until(() => performance.now() - from > 1_000, { what: 'more than three lives' })
    return signal.aborted
  })
  await until(async () => await redis.exists(name) === 1, { what: 'the lock' })

  let taken = 0
  while (performance.now() - from < 900) if ((await withLock(options, name, 300, async () => 1)).held) taken += 1
  t.equal(taken, 0)

  t.strictSame(await long, { held: true, value: false })
})

t.test('losing the lock aborts the work, and the new holder keeps it', async (t) => {
  let reason: unknown
  const work = withLock(options, name, 300, async (signal) => {
    await redis.set(name, 'somebody else')
    await until(() => signal.aborted, { what: 'the abort' })
    reason = signal.reason
  })

  await t.rejects(work, LockLost)
  t.ok(reason instanceof LockLost)
  t.equal(await redis.get(name), 'somebody else')
})

t.test('a lock that cannot be extended counts as lost when its life is over', async (t) => {
  const from = performance.now()
  const work = withLock(options, name, 600, async (signal) => {
    server.pause()
    await until(() => signal.aborted, { what: 'the abort' })
    server.resume()
  })

  await t.rejects(work, LockLost)
  t.ok(performance.now() - from >= 590)
})

t.test('work that kept the process too busy to extend is not taken for work under the lock', async (t) => {
  await t.rejects(withLock(options, name, 50, async () => {
    const from = performance.now()
    while (performance.now() - from < 80);
    return 'done'
  }), LockLost)
})

t.test('Redis away is an error, not "held by another"', async (t) => {
  await server.kill()

  await t.rejects(withLock(options, name, 1_000, async () => t.fail('worked without a lock')))

  await server.restart()
  await until(async () => await redis.ping() === 'PONG', { what: 'Redis to be back' })
  t.strictSame(await withLock(options, name, 1_000, async () => 'back'), { held: true, value: 'back' })
})
