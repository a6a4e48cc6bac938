import t, { type Test } from 'tap'
import { createLogger, createMetrics } from '@countersign/runtime'
import { captureLogs, sharedMongo, until } from '@countersign/testing'
import {
  connectMongo, createOutbox, createOutboxDispatcher, ensureIndexes, inTransaction, isDuplicateKey, outboxIndexes,
  type OutboxEntry, type OutboxProducer, type OutboxRow
} from '../../src/index.ts'

const server = await sharedMongo(t)

/** A queue as the outbox sees it: a job id is known until the queue loses it. */
const createQueue = () => {
  const jobs = new Map<string, 'open' | 'finished' | 'failed'>()
  const added: string[] = []
  const queue = {
    jobs,
    added,
    broken: false,
    async add (payload: unknown) {
      if (queue.broken) throw new Error('connection is closed')
      const { id } = payload as { id: string }
      added.push(id)
      if (!jobs.has(id)) jobs.set(id, 'open')
    },
    async stateOf (jobId: string) {
      if (queue.broken) throw new Error('connection is closed')
      return jobs.get(jobId) ?? 'missing' as const
    }
  }
  return queue satisfies OutboxProducer
}

const open = async (test: Test, timing = { graceMs: 0, recheckMs: 0 }) => {
  const logs = captureLogs()
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const metrics = createMetrics({ service: 'test', sha: 'dev' })
  const mongo = await connectMongo({ uri: server.uri, database: server.freshDatabase(), log, metrics })
  test.teardown(() => mongo.close())
  await ensureIndexes(mongo.db, outboxIndexes)
  const outbox = createOutbox(mongo.db, timing)
  const queue = createQueue()
  const dispatcherOf = (batchSize = 200) => createOutboxDispatcher({ outbox, producers: { 'mail-otp': queue }, log, metrics, batchSize })
  const commit = (id: string, entry: Partial<OutboxEntry> = {}) => inTransaction(mongo, (session) =>
    outbox.insert({ queue: 'mail-otp', jobId: id, payload: { id }, usefulUntil: { inMs: 60_000 }, ...entry }, session))
  const rows = mongo.db.collection<OutboxRow>('outbox')
  const stateOf = async (jobId: string) => (await rows.findOne({ jobId }))?.state
  return { mongo, outbox, queue, dispatcher: dispatcherOf(), dispatcherOf, commit, rows, stateOf, metrics, logs }
}

void t.test('a row dispatched after the commit is enqueued once, and closed when its job is finished', async (t) => {
  const { queue, dispatcher, commit, rows, stateOf } = await open(t)

  const row = await commit('a')
  await dispatcher.dispatch(row)
  t.match(await rows.findOne({ jobId: 'a' }), { state: 'open', createdAt: Date, usefulUntil: Date })
  t.match(await dispatcher.sweep(), { seen: 1, waiting: 1 })
  queue.jobs.set('a', 'finished')

  t.match(await dispatcher.sweep(), { seen: 1, done: 1 })
  t.equal(await stateOf('a'), 'done')
  t.match(await rows.findOne({ jobId: 'a' }), { closedAt: Date })
  t.match(await dispatcher.sweep(), { seen: 0 })
  t.strictSame(queue.added, ['a'])
})

void t.test('a crash between commit and dispatch loses nothing: a sweep adds the job', async (t) => {
  const { queue, dispatcher, commit, stateOf } = await open(t)
  await commit('a')

  t.match(await dispatcher.sweep(), { added: 1 })

  t.strictSame(queue.added, ['a'])
  t.equal(await stateOf('a'), 'open')
})

void t.test('a job that the queue lost is added again while it is useful', async (t) => {
  const { queue, dispatcher, commit } = await open(t)
  await dispatcher.dispatch(await commit('a'))
  queue.jobs.clear()

  t.match(await dispatcher.sweep(), { added: 1 })
  t.strictSame(queue.added, ['a', 'a'])
})

void t.test('of many sweepers at once, one adds each missing job', async (t) => {
  const { queue, dispatcherOf, commit } = await open(t, { graceMs: 0, recheckMs: 60_000 })
  for (const id of ['a', 'b', 'c', 'd', 'e']) await commit(id)
  const sweepers = Array.from({ length: 6 }, () => dispatcherOf())

  await Promise.all(sweepers.map((sweeper) => sweeper.sweep()))

  t.strictSame(queue.added.sort(), ['a', 'b', 'c', 'd', 'e'])
})

void t.test('a row that was just written is left to the process that wrote it', async (t) => {
  const { queue, dispatcher, commit } = await open(t, { graceMs: 60_000, recheckMs: 60_000 })
  await commit('a')

  t.match(await dispatcher.sweep(), { seen: 0 })
  t.strictSame(queue.added, [])
})

void t.test('an aborted transaction leaves no row', async (t) => {
  const { mongo, outbox, rows } = await open(t)

  await t.rejects(inTransaction(mongo, async (session) => {
    await outbox.insert({ queue: 'mail-otp', jobId: 'a', payload: { id: 'a' }, usefulUntil: { inMs: 60_000 } }, session)
    throw new Error('changed my mind')
  }), { message: 'changed my mind' })

  t.equal(await rows.countDocuments(), 0)
})

void t.test('a second row for one job is refused by the database', async (t) => {
  const { commit } = await open(t)
  await commit('a')

  const error = await commit('a').catch((fault: unknown) => fault)

  t.equal(isDuplicateKey(error, 'one_row_per_job'), true)
})

void t.test('what is no longer useful is closed as expired and not added', async (t) => {
  const { queue, dispatcher, commit, stateOf } = await open(t)
  await commit('a', { usefulUntil: new Date(0) })
  await commit('b', { usefulUntil: new Date(0) })
  queue.jobs.set('b', 'finished')

  t.match(await dispatcher.sweep(), { expired: 1, done: 1 })
  t.equal(await stateOf('a'), 'expired')
  t.equal(await stateOf('b'), 'done', 'it was done in time after all')
  t.strictSame(queue.added, [])
})

void t.test('a job that failed for good is marked, counted and said', async (t) => {
  const { queue, dispatcher, commit, stateOf, metrics, logs } = await open(t)
  await commit('a')
  queue.jobs.set('a', 'failed')

  t.match(await dispatcher.sweep(), { failed: 1 })
  t.equal(await stateOf('a'), 'failed')
  t.match(await metrics.text(), /outbox_swept_total\{queue="mail-otp",outcome="failed"\} 1/)
  t.match(logs.lines().find(({ msg }) => msg === 'job failed for good'), { queue: 'mail-otp', jobId: 'a' })
})

void t.test('a queue that is away makes no caller fail and loses nothing', async (t) => {
  const { queue, dispatcher, commit, stateOf, logs } = await open(t)
  queue.broken = true
  const row = await commit('a')

  await dispatcher.dispatch(row)
  await dispatcher.dispatch({ ...row, queue: 'nobody-s' })
  t.match(await dispatcher.sweep(), { seen: 1, error: 1 })
  t.equal(await stateOf('a'), 'open')
  t.notMatch(logs.text(), /"payload"/)

  queue.broken = false
  t.match(await dispatcher.sweep(), { added: 1 })
})

void t.test('a sweep takes a bounded batch, the longest waiting first, and a bad row does not hold up the others', async (t) => {
  const { queue, dispatcherOf, commit, metrics } = await open(t, { graceMs: 0, recheckMs: 60_000 })
  await commit('stray', { queue: 'nobody-s' })
  for (const id of ['a', 'b', 'c']) await commit(id)
  const dispatcher = dispatcherOf(2)

  t.match(await dispatcher.sweep(), { seen: 2, error: 1, added: 1 })
  t.strictSame(queue.added, ['a'])
  t.match(await dispatcher.sweep(), { seen: 2, added: 2 })
  t.match(await metrics.text(), /outbox_open\{queue="mail-otp"\} 3/)
})

void t.test('started, it sweeps by itself until closed, over several batches and past a failure of the database', async (t) => {
  const { mongo, queue, dispatcherOf, commit, logs } = await open(t, { graceMs: 0, recheckMs: 60_000 })
  for (const id of ['a', 'b', 'c', 'd', 'e']) await commit(id)
  const dispatcher = dispatcherOf(2)

  dispatcher.start(20)
  t.throws(() => dispatcher.start(20), /starts once/)
  await until(() => queue.added.length === 5, { what: 'all five jobs' })
  await mongo.client.close()
  await until(() => logs.lines().some(({ msg }) => msg === 'outbox sweep failed'), { what: 'the failed sweep to be said' })
  await dispatcher.close()
})

void t.test('payloads and job ids that look like operators are kept as they are', async (t) => {
  const { commit, rows, dispatcher, queue } = await open(t)
  const payload = { id: '$$NOW', nested: { value: '$state' } }

  await commit('$state', { payload })

  t.match(await rows.findOne({ jobId: { $eq: '$state' } }), { jobId: '$state', payload })
  await dispatcher.sweep()
  t.strictSame(queue.added, ['$$NOW'])
})

void t.test('closed rows are on the index by which MongoDB removes them after 30 days, however they ended, and open ones are not', async (t) => {
  const { mongo, commit, queue, dispatcher } = await open(t)
  for (const id of ['done', 'failed', 'late', 'open']) await commit(id, id === 'late' ? { usefulUntil: { inMs: -1 } } : {})
  queue.jobs.set('done', 'finished').set('failed', 'failed').set('open', 'open')
  t.match(await dispatcher.sweep(), { done: 1, failed: 1, expired: 1, waiting: 1 })

  const { keysPerIndex } = await mongo.db.command({ validate: 'outbox' })
  t.match(keysPerIndex, { _id_: 4, closed_expiry: 3 })
})

void t.test('rows dispatched at the same time go in one message, and one that its queue does not take stays alone for the sweeper', async (t) => {
  const { mongo, outbox, queue, metrics, logs, commit, rows } = await open(t)
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const batches: number[] = []
  const refusing = (payload: unknown): void => { if ((payload as { id: string }).id === 'bad') throw new TypeError('not of its contract') }
  const producer: OutboxProducer = {
    ...queue,
    add: async (payload) => { refusing(payload); await queue.add(payload) },
    addAll: async (payloads) => {
      batches.push(payloads.length)
      payloads.forEach(refusing)
      for (const payload of payloads) await queue.add(payload)
    }
  }
  const dispatcher = createOutboxDispatcher({ outbox, producers: { 'mail-otp': producer }, log, metrics })
  const made = await Promise.all(['a', 'b', 'bad', 'c'].map((id) => commit(id)))

  await Promise.all(made.map((row) => dispatcher.dispatch(row)))
  t.same(batches, [4])
  t.same([...queue.added].sort(), ['a', 'b', 'c'])

  const [first, second] = await inTransaction(mongo, async (session) => {
    const at = new Date()
    return await outbox.insertAll([{ queue: 'mail-otp', jobId: 'd', payload: { id: 'd' }, usefulUntil: { inMs: 1_000 } }, { queue: 'mail-otp', jobId: 'e', payload: { id: 'e' }, usefulUntil: at }], at, session)
  })
  t.same(await rows.find({ jobId: { $in: ['d', 'e'] } }).sort({ jobId: 1 }).toArray(), [first, second], 'as they were told')
  await t.rejects(inTransaction(mongo, async (session) => await outbox.insertAll(['f', 'd'].map((jobId) => ({ queue: 'mail-otp', jobId, payload: {}, usefulUntil: new Date() })), new Date(), session)))
  t.equal(await rows.countDocuments({ jobId: 'f' }), 0, 'all or none')
})
