import t, { type Test } from 'tap'
import { startRedis, until } from '@countersign/testing'
import { Redis } from 'ioredis'
import type { FastifyInstance } from 'fastify'
import { openServer } from './open-server.ts'

const server = await startRedis(t)

const connect = async (test: Test, url = server.url) => {
  const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => 100, lazyConnect: true })
  redis.on('error', () => undefined)
  test.teardown(() => redis.disconnect())
  await redis.connect()
  return redis
}

const open = async (test: Test, redis: Redis, limits = { max: 10, signInMax: 3 }) => {
  const opened = await openServer(test, {
    trustedHops: 1,
    rateLimit: { redis, windowMs: 60_000, max: limits.max, signIn: { windowMs: 60_000, max: limits.signInMax }, redisTimeoutMs: 300 }
  })
  opened.app.get('/general/:id', async () => ({}))
  opened.app.post('/sign-in', { config: { limit: 'sign-in' } }, async () => ({}))
  opened.app.get('/health', { config: { limit: 'none' } }, async () => ({}))
  return opened
}
const from = (app: FastifyInstance, address: string, url = '/general/1', method: 'GET' | 'POST' = 'GET') =>
  app.inject({ method, url, headers: { 'x-forwarded-for': address } })

void t.test('of two hundred requests at once under a limit of ten, ten are served', async (t) => {
  const redis = await connect(t)
  const { app, metrics } = await open(t, redis)

  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => from(app, '203.0.113.1', `/general/${i}`)))

  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 10)
  const refused = answers.find(({ statusCode }) => statusCode === 429)
  t.match(refused?.json(), { type: '/problems/rate-limited', status: 429, retry_after: Number, detail: /Too many requests/ })
  t.ok(Number(refused?.headers['retry-after']) > 0)
  t.match(refused?.headers, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' })
  t.match(await metrics.text(), /http_rate_limited_total\{route="\/general\/:id"\} 190/)
})

void t.test('two processes share one count, and a caller\'s count is nobody else\'s', async (t) => {
  const redis = await connect(t)
  const [first, second] = [await open(t, redis), await open(t, redis)]
  const used = await Promise.all(Array.from({ length: 5 }, async () => [await from(first.app, '203.0.113.2'), await from(second.app, '203.0.113.2')]))
  t.ok(used.flat().every(({ statusCode }) => statusCode === 200))

  t.equal((await from(first.app, '203.0.113.2')).statusCode, 429)
  t.equal((await from(second.app, '203.0.113.2')).statusCode, 429)
  t.equal((await from(first.app, '203.0.113.3')).statusCode, 200)
})

void t.test('sign-in has a count of its own, shared by the whole /64 and every spelling', async (t) => {
  const redis = await connect(t)
  const { app } = await open(t, redis)
  const spellings = ['2001:db8::1', '2001:0DB8:0:0:ffff::1', '[2001:db8::2]:443', '2001:db8:0:0:1:2:3:4']
  const statuses = []
  for (const address of spellings) statuses.push((await from(app, address, '/sign-in', 'POST')).statusCode)

  t.strictSame(statuses, [200, 200, 200, 429])
  t.equal((await from(app, '2001:db8::1')).statusCode, 200, 'the general count is untouched')
  t.strictSame((await redis.keys('gw:rl:sign-in:*')), ['gw:rl:sign-in:2001:db8:0:0::/64'])
})

void t.test('refused attempts and unknown addresses count, probes do not', async (t) => {
  const redis = await connect(t)
  const { app } = await open(t, redis)
  const statuses = []
  for (let i = 0; i < 11; i++) statuses.push((await from(app, '203.0.113.4', `/nowhere-${i}`)).statusCode)

  t.strictSame(statuses, [...Array<number>(10).fill(404), 429])
  t.equal((await from(app, '203.0.113.4', '/health')).statusCode, 200)
})

void t.test('callers whose address cannot be told share one count', async (t) => {
  const redis = await connect(t)
  const { app } = await open(t, redis)
  const statuses = []
  for (let i = 0; i < 11; i++) statuses.push((await from(app, `garbage-${i}`)).statusCode)

  t.equal(statuses.at(-1), 429)
})

void t.test('while Redis is away or hangs sign-in is closed, the rest is open, and it is said once', async (t) => {
  const own = await startRedis(t)
  const redis = await connect(t, own.url)
  const { app, logs } = await open(t, redis)
  t.equal((await from(app, '203.0.113.5', '/sign-in', 'POST')).statusCode, 200)

  for (const outage of ['pause', 'kill'] as const) {
    await Promise.resolve(own[outage]())
    const closed = await from(app, '203.0.113.5', '/sign-in', 'POST')
    t.match(closed.json(), { type: '/problems/unavailable', status: 503, retry_after: 5 }, outage)
    t.equal(closed.headers['retry-after'], '5')
    t.equal((await from(app, '203.0.113.5')).statusCode, 200, outage)
    if (outage === 'pause') own.resume()
  }
  t.equal(logs.lines().filter(({ msg }) => String(msg).startsWith('rate limits cannot be counted')).length, 1)

  await own.restart()
  await until(async () => (await from(app, '203.0.113.6', '/sign-in', 'POST')).statusCode === 200, { what: 'sign-in to open again' })
})
