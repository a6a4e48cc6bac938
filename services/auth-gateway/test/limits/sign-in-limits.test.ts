import { randomBytes } from 'node:crypto'
import { problems, type Problem } from '@countersign/contracts'
import { clientIp, createServer } from '@countersign/http'
import { connectRedis, createLimiter } from '@countersign/redis'
import { createLogger, createMetrics } from '@countersign/runtime'
import { captureLogs, startRedis } from '@countersign/testing'
import t, { type Test } from 'tap'
import { createSignInLimits, type SignInTry } from '../../src/limits/sign-in-limits.ts'

const server = await startRedis(t)
const logs = captureLogs()
const log = createLogger({ service: 'auth-gateway', level: 'debug', sha: 'test', environment: 'test', destination: logs.destination })
const connect = async () => {
  const redis = await connectRedis({ url: server.url, name: 'test', log })
  t.teardown(() => { redis.disconnect() })
  return redis
}
const [redis, second] = [await connect(), await connect()]
const hashKey = randomBytes(32)
const hour = 3_600_000
const limitsOver = (connection: typeof redis, { perIp, perSubject }: { perIp: number, perSubject: number }) =>
  createSignInLimits({ limiter: createLimiter({ redis: connection, prefix: 'gw:{limits}' }), hashKey, windowMs: hour, perIp, perSubject, log })
type Limits = ReturnType<typeof limitsOver>

/** How many of these tries, all at once, are admitted; every other one must have been refused properly. */
const admitted = async (t: Test, tries: readonly (readonly [Limits, SignInTry])[]): Promise<number> => {
  const refusals = await Promise.all(tries.map(([limits, tried]) => limits.take(tried).then(() => undefined, (reason: Problem) => reason)))
  const refused = refusals.filter((refusal) => refusal !== undefined)
  const improper = refused.filter(({ kind, extensions }) => kind !== problems.rateLimited || !Number.isInteger(extensions.retry_after) || Number(extensions.retry_after) < 1)
  t.strictSame(improper, [])
  return tries.length - refused.length
}
const tries = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index))

t.beforeEach(async () => { await server.flush() })

t.test('of a thousand tries at once on a limit of ten, ten are admitted: from one place, and for one account from a thousand places', async (t) => {
  const limits = { perIp: 10, perSubject: 10 }
  const [here, there] = [limitsOver(redis, limits), limitsOver(second, limits)]
  const either = (index: number): Limits => index % 2 === 0 ? here : there

  t.equal(await admitted(t, tries(1_000, (i) => [either(i), { ip: '203.0.113.1', subjects: [`email:${i}@example.com`] }])), 10)
  t.equal(await admitted(t, tries(1_000, (i) => [either(i), { ip: `198.18.${i >> 8}.${i & 255}`, subjects: ['email:alice@example.com'] }])), 10)
})

t.test('the narrowest of several subjects decides, a refused try is counted nowhere, and a subject given twice counts once', async (t) => {
  const limits = limitsOver(redis, { perIp: 100, perSubject: 4 })
  const one = { ip: '203.0.113.1', subjects: ['eip155:0:0xaa', 'usr_1', 'usr_1'] }
  t.equal(await admitted(t, tries(50, () => [limits, one])), 4)

  t.equal(await admitted(t, tries(50, () => [limits, { ...one, subjects: ['usr_2', 'usr_1'] }])), 0)
  t.equal(await admitted(t, tries(50, () => [limits, { ...one, subjects: ['usr_2'] }])), 4, 'what was refused for the other took nothing from this one')
  t.equal(await admitted(t, tries(200, () => [limits, { ...one, subjects: [] }])), 92, 'nor from the place')
})

t.test('behind a proxy ten thousand addresses of one /64, and eight spellings of one address, share a bucket; a missing or garbled chain shares another', async (t) => {
  const limits = limitsOver(redis, { perIp: 7, perSubject: 7 })
  const app = await createServer({ service: 'test', log, metrics: createMetrics({ service: 'test', sha: 'test' }), trustedHops: 1 })
  t.teardown(() => app.close())
  app.post('/', async (request) => { await limits.take({ ip: clientIp(request), subjects: [] }) })
  const served = async (chains: readonly (string | undefined)[]): Promise<number> => {
    const answers = await Promise.all(chains.map((chain) => app.inject({ method: 'POST', url: '/', headers: chain === undefined ? {} : { 'x-forwarded-for': chain } })))
    t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 429))
    return answers.filter(({ statusCode }) => statusCode === 200).length
  }
  const oneOf64 = (i: number): string => `2001:db8:0:7:${i.toString(16)}:${(i * 7919 & 0xffff).toString(16)}::${(i & 255).toString(16)}`

  let inOne64 = 0
  for (let from = 0; from < 10_000; from += 1_000) inOne64 += await served(tries(1_000, (i) => oneOf64(from + i)))
  t.equal(inOne64, 7)
  t.equal(await served(['2001:db8:0:8::1']), 1, 'the next /64 is somebody else')

  const spellings = ['2001:db8:0:9::1', '2001:DB8:0:9::1', '2001:0db8:0000:0009:0000:0000:0000:0001', '2001:db8:0:9:0:0:0:1', '[2001:db8:0:9::1]', '[2001:db8:0:9::1]:4711', '2001:db8:0:9::1%eth0', '2001:db8:0:9::0.0.0.1']
  t.equal(await served(spellings), 7)
  t.equal(await served(['203.0.113.9', '::ffff:203.0.113.9', '::ffff:cb00:7109', '203.0.113.9:80', '0:0:0:0:0:ffff:203.0.113.9', '[::ffff:203.0.113.9]:80', ' 203.0.113.9 ', '::FFFF:203.0.113.9']), 7)

  t.equal(await served([undefined, '', 'garbage', '203.0.113.999', '1.2.3.4, garbage', '2001:db8::1::2', 'unknown', '1.2.3.4;', undefined, '<script>']), 7)
})

t.test('Redis holds no address, neither of a person nor of a place', async (t) => {
  await limitsOver(redis, { perIp: 10, perSubject: 10 }).take({ ip: '203.0.113.77', subjects: ['email:alice@example.com'] })

  const keys = await redis.keys('*')

  t.equal(keys.length, 2)
  for (const key of keys) t.match(key, /^gw:\{limits\}:3600000:(ip|subject):[A-Za-z0-9_-]{43}$/)
  const otherKey = createSignInLimits({ limiter: createLimiter({ redis, prefix: 'gw:{limits}' }), hashKey: randomBytes(32), windowMs: hour, perIp: 10, perSubject: 10, log })
  await otherKey.take({ ip: '203.0.113.77', subjects: ['email:alice@example.com'] })
  t.equal((await redis.keys('*')).length, 4, 'who has no key cannot tell whose bucket it is')
})

t.test('while Redis is away every try is refused as unavailable, and the log says why', async (t) => {
  const limits = limitsOver(redis, { perIp: 10, perSubject: 10 })
  await server.kill()

  await t.rejects(limits.take({ ip: '203.0.113.1', subjects: ['email:alice@example.com'] }), { message: problems.unavailable.detail })

  t.match(logs.text(), /sign-in limits cannot be counted/)
  t.notMatch(logs.text(), /alice@example\.com/)
  await server.restart()
})
