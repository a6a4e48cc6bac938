import t, { type Test } from 'tap'
import { createServer, connect as connectSocket, type Socket } from 'node:net'
import { createLogger, createMetrics } from '@countersign/runtime'
import { captureLogs, sharedMongo, until } from '@countersign/testing'
import { connectMongo, inOneBatch, inTransaction, isDuplicateKey } from '../src/index.ts'
import { Problem, problems } from '@countersign/contracts'

const mongo = await sharedMongo(t)

const open = async (test: Test, uri = mongo.uri) => {
  const logs = captureLogs()
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const metrics = createMetrics({ service: 'test', sha: 'dev' })
  const connected = await connectMongo({ uri, database: mongo.freshDatabase(), log, metrics, serverSelectionTimeoutMs: 2_000 })
  test.teardown(() => connected.close())
  return { ...connected, logs, metrics }
}

void t.test('writes are acknowledged by a majority and the pool has the documented size', async (t) => {
  const { client, ping } = await open(t)

  t.match(client.options, { maxPoolSize: 20, minPoolSize: 5, socketTimeoutMS: 45_000, retryWrites: true, ignoreUndefined: false })
  t.equal(client.options.writeConcern?.w, 'majority')
  t.equal(await ping(), true)
})

void t.test('commands are timed by name and outcome, connections are counted, and no command is logged', async (t) => {
  const { db, metrics, logs } = await open(t)

  await db.collection('people').insertOne({ email: 'alice@example.com' })
  await t.rejects(db.command({ nonsense: 1 }))

  const text = await metrics.text()
  t.match(text, /mongo_command_duration_seconds_count\{command="insert",outcome="ok"\} 1/)
  t.match(text, /mongo_command_duration_seconds_count\{command="nonsense",outcome="failed"\} 1/)
  t.match(text, /^mongo_connections [1-9]/m)
  t.notMatch(logs.text(), /alice/)
})

void t.test('a database that cannot be reached is refused within the selection time', async (t) => {
  const logs = captureLogs()
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const metrics = createMetrics({ service: 'test', sha: 'dev' })

  await t.rejects(
    connectMongo({ uri: 'mongodb://127.0.0.1:1/?directConnection=true', database: 'none', log, metrics, serverSelectionTimeoutMs: 300 }),
    { name: 'MongoServerSelectionError' }
  )
  t.match(await metrics.text(), /^mongo_connections 0/m)
})

void t.test('a server that is lost is counted and said, one that is closed on purpose is not', async (t) => {
  const { hosts } = (await open(t)).client.options
  const target = hosts[0]
  const sockets = new Set<Socket>()
  const relay = createServer((socket) => {
    const upstream = connectSocket({ host: target?.host ?? '127.0.0.1', port: target?.port ?? 27017 })
    for (const end of [socket, upstream]) {
      sockets.add(end)
      end.on('error', () => undefined).on('close', () => { socket.destroy(); upstream.destroy() })
    }
    socket.pipe(upstream).pipe(socket)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const stop = (): void => {
    relay.close()
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(stop)

  const url = new URL(mongo.uri)
  url.port = String((relay.address() as { port: number }).port)
  url.hostname = '127.0.0.1'
  url.searchParams.delete('replicaSet')
  url.searchParams.set('directConnection', 'true')
  const { ping, metrics, logs, close } = await open(t, url.href)
  t.equal(await ping(), true)

  stop()

  await until(async () => /^mongo_disconnects_total [1-9]/m.test(await metrics.text()), { what: 'the disconnect to be counted' })
  t.equal(await ping(), false)
  t.ok(logs.lines().some(({ msg }) => msg === 'MongoDB server lost'))

  const before = /^mongo_disconnects_total (\d+)/m.exec(await metrics.text())?.[1]
  await close()
  t.equal(/^mongo_disconnects_total (\d+)/m.exec(await metrics.text())?.[1], before)
})

void t.test('a transaction writes all or nothing and hands a problem on untouched', async (t) => {
  const mongo = await open(t)
  const rows = mongo.db.collection<{ _id: string }>('rows')
  const problem = new Problem(problems.stateConflict)

  const refused = await inTransaction(mongo, async (session) => {
    await rows.insertOne({ _id: 'a' }, { session })
    throw problem
  }).catch((error: unknown) => error)

  t.equal(refused, problem)
  t.equal(await rows.countDocuments(), 0)
  t.equal(await inTransaction(mongo, async (session) => {
    await rows.insertOne({ _id: 'b' }, { session })
    return 'kept'
  }), 'kept')
  t.equal(await rows.countDocuments(), 1)
})

void t.test('two transactions that increment one row both count', async (t) => {
  const mongo = await open(t)
  const counters = mongo.db.collection<{ _id: string, count: number }>('counters')
  await counters.insertOne({ _id: 'one', count: 0 })

  await Promise.all(Array.from({ length: 8 }, () => inTransaction(mongo, async (session) => {
    const row = await counters.findOne({ _id: 'one' }, { session })
    await counters.updateOne({ _id: 'one' }, { $set: { count: (row?.count ?? 0) + 1 } }, { session })
  })))

  t.equal((await counters.findOne({ _id: 'one' }))?.count, 8)
})

void t.test('a transaction that cannot get through gives up in its time', async (t) => {
  const mongo = await open(t)
  const rows = mongo.db.collection<{ _id: string, by: string }>('rows')
  await rows.insertOne({ _id: 'contested', by: 'nobody' })
  const blocker = mongo.client.startSession()
  t.teardown(() => blocker.endSession())
  blocker.startTransaction()
  await rows.updateOne({ _id: 'contested' }, { $set: { by: 'blocker' } }, { session: blocker })

  const started = Date.now()
  await t.rejects(inTransaction(mongo, async (session) => {
    await rows.updateOne({ _id: 'contested' }, { $set: { by: 'other' } }, { session })
  }, { timeoutMs: 500 }))

  t.ok(Date.now() - started < 5_000, 'far below the two minutes of the driver')
  await blocker.abortTransaction()
})

void t.test('a duplicate key is told from other faults, by the index that refused', async (t) => {
  const { db } = await open(t)
  const rows = db.collection<{ _id: string }>('rows')
  await rows.insertOne({ _id: 'a' })

  const error = await rows.insertOne({ _id: 'a' }).catch((fault: unknown) => fault)

  t.equal(isDuplicateKey(error), true)
  t.equal(isDuplicateKey(error, '_id_'), true)
  t.equal(isDuplicateKey(error, 'by_email'), false)
  t.equal(isDuplicateKey(new Error('E11000')), false)
})

void t.test('many rows are read inside a transaction, which has a deadline, when they come in one batch', async (t) => {
  const mongo = await open(t)
  const rows = mongo.db.collection('rows')
  await rows.insertMany(Array.from({ length: 300 }, (_none, index) => ({ index })))
  t.equal((await inTransaction(mongo, async (session) => await rows.find({}, { session, ...inOneBatch }).toArray())).length, 300)
  await t.rejects(inTransaction(mongo, async (session) => await rows.find({}, { session }).toArray()), /maxTimeMS on getMore/, 'and not otherwise')
})
