import t, { type Test } from 'tap'
import { createLogger, createMetrics } from '@countersign/runtime'
import { captureLogs, sharedMongo, until } from '@countersign/testing'
import { connectMongo, createLeases, inTransaction, LeaseLost } from '../src/index.ts'

const server = await sharedMongo(t)

const open = async (test: Test) => {
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: captureLogs().destination })
  const mongo = await connectMongo({ uri: server.uri, database: server.freshDatabase(), log, metrics: createMetrics({ service: 'test', sha: 'dev' }) })
  test.teardown(() => mongo.close())
  return { mongo, leases: createLeases(mongo.db), work: mongo.db.collection<{ _id: string, by: string }>('work') }
}
type Opened = Awaited<ReturnType<typeof open>>

/** Takes a lease and waits until the database's clock has passed its end. */
const acquireAndOutlive = async ({ leases, mongo }: Opened, holder: string) => {
  const lease = await leases.acquire('lane', holder, 1)
  const row = { _id: 'lane' as never, $expr: { $lte: ['$expiresAt', '$$NOW'] } }
  await until(() => mongo.db.collection('leases').findOne(row), { what: 'the lease to be over' })
  return lease?.epoch ?? 0
}

void t.test('of fifty who reach for one free lease at once, one gets it', async (t) => {
  const { leases } = await open(t)

  const taken = await Promise.all(Array.from({ length: 50 }, (_, i) => leases.acquire('lane', `holder-${i}`, 60_000)))

  t.equal(taken.filter((lease) => lease !== null).length, 1)
  t.equal(taken.find((lease) => lease !== null)?.epoch, 1)
})

void t.test('of fifty who reach for one lease that ran out, one gets it, in the next epoch', async (t) => {
  const opened = await open(t)
  await acquireAndOutlive(opened, 'first')

  const taken = await Promise.all(Array.from({ length: 50 }, (_, i) => opened.leases.acquire('lane', `holder-${i}`, 60_000)))

  t.strictSame(taken.filter((lease) => lease !== null).map(({ epoch }) => epoch), [2])
})

void t.test('a held lease is nobody else\'s, can be made longer, and is free once released', async (t) => {
  const { leases } = await open(t)
  const first = await leases.acquire('lane', 'a', 60_000)

  t.equal(await leases.acquire('lane', 'b', 60_000), null)
  t.equal(await leases.acquire('lane', 'a', 60_000), null, 'the holder renews, it does not take again')
  t.equal(await leases.renew('lane', 'a', first?.epoch ?? 0, 120_000), true)
  t.equal(await leases.renew('lane', 'b', first?.epoch ?? 0, 120_000), false)
  t.equal(await leases.release('lane', 'a', 99), false)
  t.equal(await leases.release('lane', 'a', first?.epoch ?? 0), true)
  t.equal(await leases.release('lane', 'a', first?.epoch ?? 0), false)
  t.equal((await leases.acquire('lane', 'b', 60_000))?.epoch, 2)
})

void t.test('a lease that ran out is not revived, even when nobody took it', async (t) => {
  const opened = await open(t)
  const epoch = await acquireAndOutlive(opened, 'a')

  t.equal(await opened.leases.renew('lane', 'a', epoch, 60_000), false)
  await t.rejects(
    inTransaction(opened.mongo, (session) => opened.leases.assert('lane', 'a', epoch, session)),
    new LeaseLost('lane', epoch)
  )
})

void t.test('a holder that slept past its lease writes nothing once another holds it', async (t) => {
  const opened = await open(t)
  const { leases, mongo, work } = opened
  const epoch = await acquireAndOutlive(opened, 'sleeper')
  const next = await leases.acquire('lane', 'next', 60_000)

  await t.rejects(inTransaction(mongo, async (session) => {
    await work.insertOne({ _id: 'nonce-7', by: 'sleeper' }, { session })
    await leases.assert('lane', 'sleeper', epoch, session)
  }), { name: 'LeaseLost' })
  await inTransaction(mongo, async (session) => {
    await leases.assert('lane', 'next', next?.epoch ?? 0, session)
    await work.insertOne({ _id: 'nonce-7', by: 'next' }, { session })
  })

  t.strictSame(await work.find().toArray(), [{ _id: 'nonce-7', by: 'next' }])
})

void t.test('a takeover between a holder\'s snapshot and its proof aborts the holder', async (t) => {
  const opened = await open(t)
  const { leases, mongo, work } = opened
  await work.insertOne({ _id: 'seen', by: 'nobody' })
  const epoch = await acquireAndOutlive(opened, 'sleeper')
  let runs = 0

  await t.rejects(inTransaction(mongo, async (session) => {
    runs++
    await work.findOne({ _id: 'seen' }, { session })
    if (runs === 1) await leases.acquire('lane', 'next', 60_000)
    await work.insertOne({ _id: 'late', by: 'sleeper' }, { session })
    await leases.assert('lane', 'sleeper', epoch, session)
  }), { name: 'LeaseLost' })

  t.equal(await work.findOne({ _id: 'late' }), null)
})

void t.test('a takeover waits for the transaction in which the lease was proved', async (t) => {
  const { leases, mongo, work } = await open(t)
  const lease = await leases.acquire('lane', 'holder', 400)
  const events: string[] = []
  let takeover: Promise<unknown> = Promise.resolve()

  await inTransaction(mongo, async (session) => {
    await leases.assert('lane', 'holder', lease?.epoch ?? 0, session)
    const over = { $expr: { $lte: [lease?.expiresAt, '$$NOW'] } }
    await until(() => mongo.db.aggregate([{ $documents: [{}] }, { $match: over }]).hasNext(), { what: 'the time of the lease to be over' })
    takeover = until(() => leases.acquire('lane', 'next', 60_000), { what: 'the takeover' }).then(() => events.push('taken'))
    await work.insertOne({ _id: 'nonce-7', by: 'holder' }, { session })
    events.push('written')
  })
  events.push('committed')
  await takeover

  t.strictSame(events.slice(0, 1), ['written'])
  t.ok(events.includes('taken'))
  t.equal((await work.findOne({ _id: 'nonce-7' }))?.by, 'holder')
})

void t.test('two holders of one name who write at once: the real conflict lets one through', async (t) => {
  const { leases, mongo, work } = await open(t)
  const lease = await leases.acquire('lane', 'a', 60_000)
  const epoch = lease?.epoch ?? 0
  const write = () => inTransaction(mongo, async (session) => {
    await leases.assert('lane', 'a', epoch, session)
    const taken = await work.findOne({ _id: 'nonce' }, { session })
    if (taken === null) await work.insertOne({ _id: 'nonce', by: 'one of two' }, { session })
    return taken === null
  })

  const wrote = await Promise.all([write(), write()])

  t.strictSame(wrote.sort(), [false, true], 'the second ran again and saw the first one\'s row')
})

void t.test('names and holders are values, whatever they look like', async (t) => {
  const { leases, mongo } = await open(t)
  const operator = { $ne: null } as unknown as string

  const lease = await leases.acquire('$$NOW', '$epoch', 60_000)

  t.match(await mongo.db.collection('leases').findOne({ _id: '$$NOW' as never }), { holder: '$epoch', epoch: 1 })
  t.equal(await leases.renew(operator, operator, lease?.epoch ?? 0, 1), false)
  t.equal(await leases.release('$$NOW', operator, lease?.epoch ?? 0), false)
})
