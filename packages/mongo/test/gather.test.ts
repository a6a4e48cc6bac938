import { MongoNetworkError } from 'mongodb'
import { until } from '@countersign/testing'
import t from 'tap'
import { atMost, gather, inStep } from '../src/index.ts'

/** A database whose answers the test releases one by one. */
function openDatabase () {
  const trips: { readonly items: readonly number[], readonly answer: () => void, readonly fail: (reason: Error) => void }[] = []
  const work = (items: readonly number[]): Promise<number[]> => new Promise((resolve, reject) => {
    trips.push({ items, answer: () => { resolve(items.map((item) => item * 10)) }, fail: reject })
  })
  return { trips, work }
}
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(() => setImmediate(resolve)) })

t.test('what is asked in one turn goes together, and each gets its own answer', async (t) => {
  const { trips, work } = openDatabase()
  const ask = gather(work)

  const answers = Promise.all([ask(1), ask(2), ask(2), ask(3)])
  await turn()
  trips[0]?.answer()

  t.strictSame(await answers, [10, 20, 20, 30])
  t.equal(trips.length, 1)
})

t.test('a call is never answered by a round trip that began before it', async (t) => {
  const { trips, work } = openDatabase()
  const ask = gather(work, { atOnce: 2 })

  const first = ask(1)
  await turn()
  const second = ask(1)
  await turn()

  t.equal(trips.length, 2)
  trips[1]?.answer()
  t.equal(await second, 10, 'nor does it wait for it')
  trips[0]?.answer()
  t.equal(await first, 10)
})

t.test('with as many under way as may be, calls wait and go together when one ends; none has more than its share', async (t) => {
  const { trips, work } = openDatabase()
  const ask = gather(work, { atOnce: 1, most: 2 })

  const answers = Promise.all([1, 2, 3, 4, 5].map(ask))
  await turn()
  t.strictSame(trips.map(({ items }) => items), [[1, 2]])
  trips[0]?.answer()
  await turn()
  t.strictSame(trips.map(({ items }) => items), [[1, 2], [3, 4]])
  trips[1]?.answer()
  await until(() => trips.length === 3, { what: 'the last one to go' })
  trips[2]?.answer()

  t.strictSame(await answers, [10, 20, 30, 40, 50])
  t.strictSame(trips[2]?.items, [5])
})

t.test('after a shared round trip the next one waits for more to go along; after a lone one it goes at once', async (t) => {
  const { trips, work } = openDatabase()
  const ask = gather(work, { restMs: 300 })

  const lone = ask(1)
  await turn()
  const shared = [ask(2), ask(3)]
  trips[0]?.answer()
  t.equal(await lone, 10)
  await turn()
  t.strictSame(trips.map(({ items }) => items), [[1], [2, 3]])

  trips[1]?.answer()
  await Promise.all(shared)
  const before = ask(4)
  await turn()
  const after = ask(5)
  t.equal(trips.length, 2, 'nothing goes yet')
  await until(() => trips.length > 2, { what: 'the rest to be over' })
  t.strictSame(trips[2]?.items, [4, 5])
  trips[2]?.answer()
  t.strictSame(await Promise.all([before, after]), [40, 50])
})

t.test('trouble with the database is everybody\'s who went along, and nobody\'s after', async (t) => {
  const { trips, work } = openDatabase()
  const ask = gather(work)

  const together = Promise.allSettled([ask(1), ask(2)])
  await turn()
  trips[0]?.fail(new MongoNetworkError('away'))
  t.strictSame((await together).map(({ status }) => status), ['rejected', 'rejected'])
  t.equal(trips.length, 1, 'it is not asked again for each of them')

  const later = ask(3)
  await until(() => trips.length === 2, { what: 'the next one to go' })
  trips[1]?.answer()
  t.equal(await later, 30)
})

t.test('what fails for one fails for that one alone', async (t) => {
  const asked: (readonly number[])[] = []
  const ask = gather(async (items: readonly number[]) => {
    asked.push(items)
    if (items.includes(2)) throw new RangeError('two')
    return items.map((item) => item * 10)
  })

  const outcomes = await Promise.allSettled([1, 2, 3].map(ask))

  t.match(outcomes, [{ value: 10 }, { status: 'rejected', reason: { message: 'two' } }, { value: 30 }])
  t.strictSame(asked, [[1, 2, 3], [1], [2], [3]])
})

void t.test('a round trip that does not come back holds up those who come after it for a while only', async (t) => {
  let release = (): void => undefined
  const stuck = new Promise<void>((resolve) => { release = resolve })
  const ask = gather(async (items: readonly string[]) => {
    if (items.includes('stuck')) await stuck
    return items
  }, { patienceMs: 20 })

  const first = ask('stuck')
  await new Promise((resolve) => { setImmediate(() => { setImmediate(resolve) }) })
  t.equal(await ask('next'), 'next')
  release()
  t.equal(await first, 'stuck')
  t.equal(await ask('last'), 'last')
})

void t.test('calls of several steps begin together, and what comes meanwhile waits for their end and begins together too', async (t) => {
  const { trips, work } = openDatabase()
  const [first, second] = [gather(work), gather(work)]
  const ask = inStep(async (item: number) => await first(item) + await second(item))

  const answers = [ask(1)]
  await turn()
  answers.push(ask(2), ask(3))
  await turn()
  t.strictSame(trips.map(({ items }) => items), [[1]], 'they wait')
  trips[0]?.answer()
  await until(() => trips.length === 2, { what: 'the second step of the first one' })
  answers.push(ask(4))
  trips[1]?.answer()
  await until(() => trips.length === 3, { what: 'the others to begin' })
  t.strictSame(trips[2]?.items, [2, 3, 4])
  trips[2]?.answer()
  await until(() => trips.length === 4, { what: 'their second step' })
  t.strictSame(trips[3]?.items, [2, 3, 4])
  trips[3]?.answer()
  t.strictSame(await Promise.all(answers), [20, 40, 60, 80])
})

void t.test('in step, each fails for itself, is answered as soon as it is done, and holds up those after it for a while only', async (t) => {
  let release = (): void => undefined
  const stuck = new Promise<void>((resolve) => { release = resolve })
  const ask = inStep(async (item: string) => {
    if (item === 'stuck') await stuck
    if (item === 'bad') throw new RangeError(item)
    return item
  }, { patienceMs: 20, most: 3 })

  const first = ask('stuck')
  t.match(await Promise.allSettled([ask('bad'), ask('good')]), [{ status: 'rejected', reason: { message: 'bad' } }, { value: 'good' }])
  t.strictSame(await Promise.all(['a', 'b', 'c', 'd', 'e'].map((item) => ask(item))), ['a', 'b', 'c', 'd', 'e'])
  release()
  t.equal(await first, 'stuck')
})

void t.test('no more run at once than may, in the order in which they were asked for, and a fault gives its place on', async (t) => {
  const releases: (() => void)[] = []
  const begun: number[] = []
  const run = atMost(2)
  const work = (item: number) => run(async () => {
    begun.push(item)
    await new Promise<void>((resolve) => { releases.push(resolve) })
    if (item === 1) throw new RangeError('one')
    return item
  })

  const all = Promise.allSettled([1, 2, 3, 4].map(work))
  await turn()
  t.strictSame(begun, [1, 2])
  for (let i = 0; i < 4; i++) {
    await until(() => releases.length > i, { what: 'the next one' })
    t.ok(begun.length - i <= 2)
    releases[i]?.()
  }
  t.match(await all, [{ status: 'rejected', reason: { message: 'one' } }, { value: 2 }, { value: 3 }, { value: 4 }])
  t.strictSame(begun, [1, 2, 3, 4])
})
