import t from 'tap'
import { createTokenBucket } from '../src/token-bucket.ts'

/** A clock that moves only when somebody sleeps on it. */
function timeline (perSecond: number, burst: number) {
  let time = 0
  const slept: number[] = []
  const bucket = createTokenBucket({ perSecond, burst, now: () => time, sleep: async (ms) => { slept.push(ms) } })
  return { bucket, slept, pass: (ms: number) => { time += ms } }
}

void t.test('a burst passes at once, the next wait their turn in order', async (t) => {
  const { bucket, slept } = timeline(10, 3)
  for (let i = 0; i < 6; i++) t.ok(await bucket.take(1000))
  t.strictSame(slept, [100, 200, 300])
})

void t.test('a wait that would be too long is refused and takes nothing', async (t) => {
  const { bucket, slept, pass } = timeline(10, 1)
  t.ok(await bucket.take(0))
  for (let i = 0; i < 5; i++) t.notOk(await bucket.take(50))
  pass(100)
  t.ok(await bucket.take(0))
  t.strictSame(slept, [])
})

void t.test('a pause fills it up to the burst and no further', async (t) => {
  const { bucket, pass } = timeline(10, 3)
  pass(60_000)
  const taken = await Promise.all(Array.from({ length: 5 }, () => bucket.take(0)))
  t.strictSame(taken, [true, true, true, false, false])
})

void t.test('no second holds more than rate and burst', async (t) => {
  const { bucket, pass } = timeline(100, 10)
  const takenAt: number[] = []
  for (let ms = 0; ms < 3000; ms++) {
    while (await bucket.take(0)) takenAt.push(ms)
    pass(1)
  }
  for (const start of takenAt) t.ok(takenAt.filter((ms) => ms >= start && ms < start + 1000).length <= 110)
  t.ok(takenAt.length >= 300)
})

void t.test('it really waits', async (t) => {
  const bucket = createTokenBucket({ perSecond: 20, burst: 1 })
  const startedAt = performance.now()
  await Promise.all([bucket.take(1000), bucket.take(1000), bucket.take(1000)])
  t.ok(performance.now() - startedAt >= 95)
})

void t.test('a bucket that lets nobody through is refused', (t) => {
  for (const [perSecond, burst] of [[0, 1], [-1, 1], [NaN, 1], [1, 0.5], [1, NaN]] as const) t.throws(() => createTokenBucket({ perSecond, burst }), { name: 'RangeError' })
  t.end()
})
