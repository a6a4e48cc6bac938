import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { scratchDirectory, sharedMongo, sharedMongoVariable, startAnvil, startKms, startRedis, startSmtp, until } from '../src/index.ts'

t.test('sharedMongo gives a fresh database of a replica set that runs transactions', async (t) => {
  const { client, db, database, freshDatabase } = await sharedMongo(t)
  t.match(database, /^test_/)
  t.not(freshDatabase(), database)
  await db.createCollection('things')
  await client.withSession(async (session) => await session.withTransaction(async () => {
    await db.collection('things').insertOne({ name: 'first' }, { session })
  }))
  t.equal(await db.collection('things').countDocuments(), 1)
})

t.test('sharedMongo uses the server that the test command started, and drops its databases after the test', async (t) => {
  const outer = await sharedMongo(t)
  const before = process.env[sharedMongoVariable]
  process.env[sharedMongoVariable] = outer.uri
  t.teardown(() => {
    if (before === undefined) delete process.env[sharedMongoVariable]
    else process.env[sharedMongoVariable] = before
  })
  let database = ''
  await t.test('a test of it', async (t) => {
    const inner = await sharedMongo(t)
    t.equal(inner.uri, outer.uri)
    database = inner.database
    await inner.db.collection('things').insertOne({})
    await inner.client.db(inner.freshDatabase()).collection('things').insertOne({})
  })
  const { databases } = await outer.client.db('admin').admin().listDatabases({ nameOnly: true })
  t.notOk(databases.some(({ name }) => name === database))
})

t.test('a scratch directory goes away with its test', async (t) => {
  let directory = ''
  await t.test('a test that writes', async (t) => {
    directory = await scratchDirectory(t)
    await writeFile(join(directory, 'file'), 'x')
  })
  await t.rejects(stat(directory), { code: 'ENOENT' })
})

t.test('startRedis can be emptied, paused, killed and restarted without losing what AOF holds', async (t) => {
  const server = await startRedis(t)
  const redis = new Redis(server.url)
  redis.on('error', () => undefined)
  t.teardown(() => { redis.disconnect() })

  await redis.set('kept', '1')
  await server.restart()
  t.equal(await until(async () => await redis.get('kept'), { what: 'the key after the restart' }), '1')

  await server.flush()
  t.equal(await redis.dbsize(), 0)

  server.pause()
  const late = redis.ping()
  server.resume()
  t.equal(await late, 'PONG')

  const { pid } = server
  await server.kill()
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  await server.restart()
  t.equal(await until(async () => await redis.ping(), { what: 'an answer after the kill' }), 'PONG')
  t.not(server.pid, pid)
})

t.test('startAnvil funds accounts, and mines by the clock when told a block time', async (t) => {
  const chain = await startAnvil(t, { blockTime: 1 })
  const address = '0x00000000000000000000000000000000000000aa'
  await chain.fund(address, 5n)
  t.equal(await chain.balanceOf(address), 5n)
  await until(async () => Number(await chain.request<string>('eth_blockNumber')) >= 1, { timeoutMs: 5_000, what: 'a block' })
  await t.rejects(chain.request('eth_noSuchThing'), { message: /eth_noSuchThing/ })
})

t.test('startKms and startSmtp answer on ports of their own', async (t) => {
  const [kms, smtp] = await Promise.all([startKms(t), startSmtp(t)])
  t.equal((await fetch(`${kms.endpoint}/_health`)).status, 200)
  t.equal((await fetch(smtp.viewerUrl)).status, 200)
  t.same(await smtp.mails(), [])
})
