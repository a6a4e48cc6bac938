import { startRedis, until } from '@countersign/testing'
import t from 'tap'
import { connectRedis, createLimiter, createTurns, redisTime } from '../../src/index.ts'
import { telemetry } from '../commands/echo.ts'

const server = await startRedis(t)
const { log } = telemetry('auth-gateway')
const redis = await connectRedis({ url: server.url, name: 'test', log })
const second = await connectRedis({ url: server.url, name: 'test', log })
t.teardown(() => { redis.disconnect(); second.disconnect() })
const limiter = createLimiter({ redis, prefix: 'gw:{limits}' })
const minute = 60_000

t.afterEach(async () => { await server.flush() })

t.test('of a thousand takes at once on a limit of ten, exactly ten are admitted', async (t) => {
  const other = createLimiter({ redis: second, prefix: 'gw:{limits}' })

  const verdicts = await Promise.all(Array.from({ length: 1_000 }, (_, index) => (index % 2 === 0 ? limiter : other).take([{ key: 'a', max: 10, windowMs: 60 * minute }])))

  t.equal(verdicts.filter(({ allowed }) => allowed).length, 10)
  t.ok(verdicts.every(({ allowed, retryAfterMs }) => allowed ? retryAfterMs === 0 : retryAfterMs > 0 && retryAfterMs <= 120 * minute))
})

t.test('a take that one bucket refuses is counted in none', async (t) => {
  const narrow = { key: 'narrow', max: 1, windowMs: minute }
  const wide = { key: 'wide', max: 3, windowMs: minute }
  t.equal((await limiter.take([narrow, wide])).allowed, true)
  for (let i = 0; i < 5; i += 1) t.equal((await limiter.take([wide, narrow])).allowed, false)

  t.equal((await limiter.take([wide])).allowed, true)
  t.equal((await limiter.take([wide])).allowed, true)
  t.equal((await limiter.take([wide])).allowed, false)
})

t.test('after the time it names, and not before half of it, a take is allowed again', async (t) => {
  const bucket = { key: 'soon', max: 2, windowMs: 400 }
  await limiter.take([bucket])
  await limiter.take([bucket])
  const { allowed, retryAfterMs } = await limiter.take([bucket])
  const refusedAt = await redisTime(redis)
  t.equal(allowed, false)

  await until(async () => (await limiter.take([bucket])).allowed, { what: 'room', everyMs: 5 })

  const waitedMs = await redisTime(redis) - refusedAt
  t.ok(waitedMs <= retryAfterMs + 100 && waitedMs >= retryAfterMs - 100, `waited ${waitedMs} ms, told ${retryAfterMs} ms`)
})

t.test('what was spent just before a window\'s edge still counts just after it', async (t) => {
  const bucket = { key: 'edge', max: 20, windowMs: 1_000 }
  await until(async () => await redisTime(redis) % bucket.windowMs > 850, { what: 'the end of a window', everyMs: 5 })
  const from = await redisTime(redis)
  let early = 0
  let all = 0
  for (let now = from; now < from + 3_000; now = await redisTime(redis)) {
    if (!(await limiter.take([bucket])).allowed) continue
    all += 1
    // Judged by the clock after the take, so that a busy machine can only make this smaller.
    if (await redisTime(redis) < from + 350) early += 1
  }

  t.ok(early <= bucket.max * 1.4, `${early} around the edge, where plain windows would allow 40`)
  t.ok(all >= bucket.max * 2 && all <= bucket.max * 4, `${all} in three seconds`)
})

t.test('the same key under two windows is two buckets, and a limit of none admits none', async (t) => {
  t.equal((await limiter.take([{ key: 'k', max: 1, windowMs: minute }, { key: 'k', max: 5, windowMs: 60 * minute }])).allowed, true)
  t.equal((await limiter.take([{ key: 'k', max: 5, windowMs: 60 * minute }])).allowed, true)
  t.equal((await limiter.take([{ key: 'k', max: 1, windowMs: minute }])).allowed, false)
  t.match(await limiter.take([{ key: 'never', max: 0, windowMs: minute }]), { allowed: false, retryAfterMs: minute })
  await t.rejects(limiter.take([{ key: 'k', max: 0.5, windowMs: minute }]), TypeError)
})

t.test('a bucket is left out of a take while the key that excuses it exists, and the others are not', async (t) => {
  const excused = { key: 'excused', max: 1, windowMs: 60 * minute, unless: 'gw:{limits}:known' }
  const always = { key: 'always', max: 3, windowMs: 60 * minute }
  t.match(await limiter.take([excused, always]), { allowed: true, asked: [true, true] })
  t.match(await limiter.take([excused, always]), { allowed: false, asked: [true, true] })

  await redis.set('gw:{limits}:known', '1')

  t.match(await limiter.take([excused, always]), { allowed: true, asked: [false, true] })
  t.match(await limiter.take([excused, always]), { allowed: true, asked: [false, true] })
  t.match(await limiter.take([excused, always]), { allowed: false, asked: [false, true] })
  await redis.del('gw:{limits}:known')
  t.equal((await limiter.take([excused])).allowed, false, 'what was counted before still counts')
})

t.test('what is given back may be taken again, once, and only in the window that counted it', async (t) => {
  const bucket = { key: 'lent', max: 2, windowMs: 60 * minute }
  const { takenAtMs } = await limiter.take([bucket])
  await limiter.take([bucket])
  t.equal((await limiter.take([bucket])).allowed, false)

  await limiter.giveBack([bucket], takenAtMs - 3 * bucket.windowMs)
  t.equal((await limiter.take([bucket])).allowed, false, 'of a window that is forgotten there is nothing to give back')
  await limiter.giveBack([bucket], takenAtMs)
  t.equal((await limiter.take([bucket])).allowed, true)
  t.equal((await limiter.take([bucket])).allowed, false)

  await limiter.clear([bucket])
  for (let i = 0; i < 5; i += 1) await limiter.giveBack([bucket], takenAtMs)
  t.strictSame((await Promise.all([1, 2, 3].map(() => limiter.take([bucket])))).map(({ allowed }) => allowed), [true, true, false], 'nothing sinks below none')
})

t.test('turns are taken in order, by all processes together, and never more than rate and burst', async (t) => {
  const [one, other] = [redis, second].map((connection) => createTurns({ redis: connection, key: 'signer:slow', perSecond: 0.01, burst: 10 })) as [ReturnType<typeof createTurns>, ReturnType<typeof createTurns>]
  const taken = await Promise.all(Array.from({ length: 200 }, (_none, index) => (index % 2 === 0 ? one : other).take(0)))
  t.equal(taken.filter(Boolean).length, 10)
  t.equal(await one.take(50_000), false, 'nor does who would wait too long keep a turn')
  t.ok(await redis.pttl('signer:slow') > 900_000)

  const quick = [redis, second].map((connection) => createTurns({ redis: connection, key: 'signer:quick', perSecond: 50, burst: 1 }))
  const startedAt = performance.now()
  const all = await Promise.all(Array.from({ length: 12 }, async (_none, index) => await quick[index % 2]?.take(60_000)))
  t.ok(all.every(Boolean))
  t.ok(performance.now() - startedAt >= 215, 'eleven of them waited for twenty milliseconds each')
  for (const wrong of [{ perSecond: 0, burst: 1 }, { perSecond: NaN, burst: 1 }, { perSecond: 1, burst: 0 }]) t.throws(() => createTurns({ redis, key: 'signer:none', ...wrong }), { name: 'RangeError' })
})

t.test('buckets go away by themselves, and Redis away is an error', async (t) => {
  await limiter.take([{ key: 'gone', max: 1, windowMs: 100 }])
  t.ok(await redis.pttl('gw:{limits}:100:gone') <= 200)
  await server.kill()

  await t.rejects(limiter.take([{ key: 'k', max: 1, windowMs: minute }]))
  await t.rejects(createTurns({ redis, key: 'signer:away', perSecond: 1, burst: 1 }).take(0))

  await server.restart()
})
