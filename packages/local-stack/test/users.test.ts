/** Who may do what in MongoDB and Redis, what each service is given, and servers that are not ours. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { commandListKey, jobs, mailHeartbeatKey, queuePrefix, serviceNames, stores, type ServiceName } from '@countersign/contracts'
import { Redis } from 'ioredis'
import { MongoClient, type Db } from 'mongodb'
import t, { type Test } from 'tap'
import { ensureMongoUsers, ensureRedisUsers, mongoUriFor, readStackEnvironment, redisRules, redisUrlFor, startStack } from '../src/index.ts'
import { isAtLeast } from '../src/version.ts'

const dataDirectory = await mkdtemp(join(tmpdir(), 'countersign-users-'))
const stack = await startStack({ dataDirectory })
t.teardown(async () => {
  await stack.stop()
  await rm(dataDirectory, { recursive: true, force: true })
})

/** Redis 7 has them, and functions; everything else here holds from 6.2 on. */
const readOnlyKeys = isAtLeast(stack.redis.server?.version ?? '', 7)

const redisAs = (t: Test, service: ServiceName, url = stack.redis.urlFor(service)): Redis => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => undefined)
  t.teardown(() => { redis.disconnect() })
  return redis
}
const mongoAs = async (t: Test, service: ServiceName, uri = stack.mongo.uriFor(service)): Promise<{ client: MongoClient, db: Db }> => {
  const client = await new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 }).connect()
  t.teardown(async () => { await client.close() })
  return { client, db: client.db(stores[service].database) }
}
const denied = { message: /NOPERM|permission|can't access/i }
const unauthorized = { code: 13 }

t.test('each Redis user reaches its own lists, channels, queues and keys, and nobody else\'s', async (t) => {
  const gateway = redisAs(t, 'auth-gateway')
  const otp = redisAs(t, 'otp-service')
  const toSigner = commandListKey('signer-service', 'auth-gateway')
  const signersOwn = commandListKey('otp-service', 'signer-service')

  t.equal(await gateway.rpush(toSigner, 'x'), 1)
  await t.rejects(gateway.rpush(signersOwn, 'forged'), denied, 'another caller\'s list')
  await t.rejects(gateway.lrange(signersOwn, 0, -1), denied, 'another caller\'s list, read')
  await t.rejects(gateway.eval('return redis.call("RPUSH", KEYS[1], "forged")', 1, signersOwn), denied, 'by a script')
  await t.rejects(gateway.eval('return redis.call("RPUSH", "cmd:otp-service:signer-service", "forged")', 0), denied, 'by a script that hides the key')
  await t.rejects(otp.lrange(toSigner, 0, -1), denied, 'a list between two others')

  t.equal(await gateway.set('gw:mine', '1'), 'OK')
  await t.rejects(otp.get('gw:mine'), denied)
  await t.rejects(gateway.set('otp:{sends}:1', '1'), denied)

  for (const { name, producer, consumer } of jobs) {
    const key = `${queuePrefix({ name })}:${name}:meta`
    for (const service of serviceNames) {
      const redis = redisAs(t, service)
      if (service === producer || service === consumer) await t.resolves(redis.hget(key, 'x'), `${service} uses ${name}`)
      else await t.rejects(redis.hget(key, 'x'), denied, `${service} does not touch ${name}`)
    }
  }

  await t.resolves(otp.publish('reply:auth-gateway:1', 'x'))
  await t.rejects(gateway.publish('reply:signer-service:1', 'forged'), denied, 'a reply to somebody else')
  await t.rejects(redisAs(t, 'auth-gateway').subscribe('reply:signer-service:1'), denied, 'replies to somebody else')
  await t.resolves(redisAs(t, 'auth-gateway').subscribe('reply:auth-gateway:1'))
  await t.rejects(redisAs(t, 'auth-gateway').psubscribe('*'), denied)
})

t.test('the gateway reads the heartbeat of the mail service and cannot write it', async (t) => {
  const [gateway, worker] = [redisAs(t, 'auth-gateway'), redisAs(t, 'email-worker')]
  t.equal(await worker.set(mailHeartbeatKey, 'ok'), 'OK')
  t.equal(await gateway.exists(mailHeartbeatKey), 1)
  if (readOnlyKeys) await t.rejects(gateway.set(mailHeartbeatKey, 'ok'), denied)
  await t.rejects(redisAs(t, 'otp-service').get(mailHeartbeatKey), denied)
  const older = redisRules('auth-gateway', 'x', '6.2.14')
  t.ok(older.includes(`~${mailHeartbeatKey}`), 'Redis 6.2 has no read-only keys')
  t.notOk(older.some((rule) => rule.startsWith('%') || rule.includes('function')), 'nor functions')
  t.notOk(older.some((rule) => rule.includes('>x')), 'rules hold no password')
})

t.test('no Redis user administers, empties, watches or lists', async (t) => {
  for (const [command, ...args] of [
    ['FLUSHALL'], ['CONFIG', 'GET', '*'], ['ACL', 'LIST'], ['MONITOR'], ['KEYS', '*'], ['SCAN', '0'], ['RANDOMKEY'], ['DBSIZE'], ['SHUTDOWN'],
    ['PUBSUB', 'CHANNELS'], ['CLIENT', 'LIST'], ['CLIENT', 'KILL', 'TYPE', 'normal'], ['CLIENT', 'TRACKING', 'on', 'BCAST'], ['SCRIPT', 'FLUSH'], ...(readOnlyKeys ? [['FUNCTION', 'LIST'] as const] : [])
  ] as const) await t.rejects(redisAs(t, 'auth-gateway').call(command, ...args), denied, [command, ...args].join(' '))
  await t.resolves(redisAs(t, 'auth-gateway').info(), 'INFO is for BullMQ')
  const admin = redisAs(t, 'auth-gateway', stack.redis.adminUrl)
  t.strictSame([await admin.config('GET', 'maxmemory-policy'), await admin.config('GET', 'appendonly'), await admin.config('GET', 'appendfsync')].flat(),
    ['maxmemory-policy', 'noeviction', 'appendonly', 'yes', 'appendfsync', 'everysec'])
  await t.rejects(redisAs(t, 'auth-gateway', stack.redis.adminUrl.replace(/\/\/.*@/, '//')).ping(), { message: /NOAUTH|closed/ }, 'nor does anybody without a password')
})

t.test('each MongoDB user reads and writes its own collections in transactions, and nobody else\'s', async (t) => {
  for (const service of serviceNames) {
    const { client, db } = await mongoAs(t, service)
    const collection = db.collection(stores[service].collections[0] ?? '')
    await collection.createIndex({ at: 1 })
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await collection.insertOne({ kept: service }, { session })
        await db.collection('audit').insertOne({ what: 'inserted' }, { session })
      })
    })
    t.equal((await collection.updateOne({ kept: service }, { $set: { more: 1 } })).modifiedCount, 1)
    for (const other of serviceNames.filter((name) => name !== service)) {
      const foreign = client.db(stores[other].database)
      await t.rejects(foreign.collection(stores[other].collections[0] ?? '').findOne({}), unauthorized, `${service} does not read ${other}`)
      await t.rejects(foreign.collection('audit').insertOne({}), unauthorized, `${service} does not write the audit of ${other}`)
    }
    await t.rejects(db.collection('unheard_of').insertOne({}), unauthorized, 'a collection that no contract names')
    await t.rejects(db.dropDatabase(), unauthorized)
    await t.rejects(db.command({ usersInfo: 1 }), unauthorized)
  }
})

t.test('a row of an insert-only collection cannot be changed, replaced, removed or dropped', async (t) => {
  const { db } = await mongoAs(t, 'signer-service')
  const audit = db.collection('audit')
  await audit.insertOne({ what: 'moved' })
  await t.rejects(audit.updateOne({}, { $set: { what: 'nothing' } }), unauthorized)
  await t.rejects(audit.replaceOne({}, { what: 'nothing' }), unauthorized)
  await t.rejects(audit.findOneAndUpdate({}, { $set: { what: 'nothing' } }), unauthorized)
  await t.rejects(audit.updateOne({ _id: 'new' as never }, { $set: { what: 'x' } }, { upsert: true }), unauthorized)
  await t.rejects(audit.deleteOne({}), unauthorized)
  await t.rejects(audit.drop(), unauthorized)
  await t.rejects(audit.createIndex({ event: 1 }, { unique: true }), unauthorized, 'an index that would refuse the next row')
  await t.rejects(audit.dropIndex('by_subject'), unauthorized)
  t.match(await audit.listIndexes().toArray(), [{ name: '_id_' }, { name: 'by_subject', key: { subject: 1, _id: 1 } }])
  const gateway = await mongoAs(t, 'auth-gateway')
  t.match(await gateway.db.collection('audit').listIndexes().toArray(), [{ name: '_id_' }, { name: 'by_subject' }, { name: 'by_event', key: { event: 1, _id: 1 } }], 'the gateway finds those that it reads by')
  await t.rejects(audit.rename('elsewhere'), unauthorized)
  await t.rejects(db.collection('attempts').aggregate([{ $out: 'audit' }]).toArray(), unauthorized, 'by $out')
  await t.rejects(db.collection('attempts').aggregate([{ $merge: { into: 'audit' } }]).toArray(), unauthorized, 'by $merge')
  await t.rejects(db.command({ collMod: 'audit', validator: {} }), unauthorized)
  t.equal(await audit.countDocuments({ what: 'moved' }), 1)
})

t.test('every service is given a complete environment of its own, and files that only their owner reads', async (t) => {
  const environments = serviceNames.map((name) => stack.environmentFor(name))
  for (const name of ['MONGODB_URI', 'REDIS_URL', 'SECRET_KEY']) t.equal(new Set(environments.map((one) => one[name])).size, 4, `${name} differs`)
  const [gateway, otp, signer, worker] = environments
  t.strictSame([otp?.['MAIL_SEAL_KEY'], gateway?.['MAIL_SEAL_KEY'], signer?.['MAIL_SEAL_KEY']], [worker?.['MAIL_SEAL_KEY_OTP'], worker?.['MAIL_SEAL_KEY_GATEWAY'], worker?.['MAIL_SEAL_KEY_SIGNER']])
  t.match(JSON.parse(signer?.['CHAINS'] ?? ''), [{ chain_id: 31337, rpc_urls: [stack.chain.rpcUrl], confirmations: 2 }])
  t.notOk(gateway?.['RECEIPT_PRIVATE_JWK'] ?? signer?.['RECEIPT_PRIVATE_JWK'], 'only otp-service signs receipts')
  t.notMatch(gateway?.['RECEIPT_PUBLIC_JWKS'], '"d"', 'the public half alone')
  t.strictSame(readStackEnvironment(dataDirectory, 'otp-service'), otp)
  t.strictSame(readStackEnvironment(dataDirectory, 'administrator'), { MONGODB_URI: stack.mongo.adminUri })
  t.throws(() => readStackEnvironment(join(dataDirectory, 'nowhere'), 'otp-service'), { name: 'StackFault', message: /npm start/ })

  for (const file of ['secrets.json', 'mongo/key', 'redis/users.acl', 'environment/otp-service.json', 'environment/administrator.json', 'logs/mongod.log']) {
    t.equal((await stat(join(dataDirectory, file))).mode & 0o077, 0, file)
  }
  t.notOk((await readFile(join(dataDirectory, 'redis/users.acl'), 'utf8')).includes(new URL(otp?.['REDIS_URL'] ?? '').password), 'Redis keeps hashes of passwords')
})

t.test('a stack on given servers makes its users there, and says how to go on where it may not', async (t) => {
  const passwords = Object.fromEntries(serviceNames.map((name) => [name, `new-${name}`])) as Record<ServiceName, string>
  const other = await mkdtemp(join(tmpdir(), 'countersign-other-'))
  t.teardown(async () => { await rm(other, { recursive: true, force: true }) })
  const weak = { mongoUri: stack.mongo.uriFor('otp-service'), redisUrl: stack.redis.urlFor('otp-service') }

  await t.rejects(startStack({ dataDirectory: other, parts: ['mongo'], mongoUri: weak.mongoUri }), { name: 'StackFault', message: /^MongoDB has no users.*MONGODB_URI.*--shared-credentials/ })
  await t.rejects(startStack({ dataDirectory: other, parts: ['redis'], redisUrl: weak.redisUrl }), { name: 'StackFault', message: /^Redis has no users.*REDIS_URL.*--shared-credentials/ })
  const said: string[] = []
  const shared = await startStack({ dataDirectory: other, parts: ['mongo', 'redis'], ...weak, sharedCredentials: true, onProgress: (line) => { said.push(line) } })
  t.equal(shared.mongo.uriFor('auth-gateway'), weak.mongoUri)
  t.equal(shared.redis.urlFor('auth-gateway'), weak.redisUrl)
  t.equal(said.filter((line) => line.includes('isolation is OFF')).length, 2)
  t.throws(() => shared.kms, { name: 'StackFault' }, 'a part that was not started')
  await shared.stop()

  const before = { mongo: stack.mongo.uriFor('auth-gateway'), redis: stack.redis.urlFor('auth-gateway') }
  await Promise.all([ensureMongoUsers(stack.mongo.adminUri, passwords), ensureRedisUsers(stack.redis.adminUrl, passwords)])
  const given = await mongoAs(t, 'auth-gateway', mongoUriFor(stack.mongo.adminUri, 'auth-gateway', passwords['auth-gateway']))
  await t.rejects(given.client.db('countersign_otp').collection('factors').findOne({}), unauthorized)
  await t.rejects(new MongoClient(before.mongo).connect(), { code: 18 }, 'the old password is over')
  await t.rejects(redisAs(t, 'auth-gateway', before.redis).ping(), { message: /WRONGPASS|closed/ })

  const initialise = async (env: Record<string, string>): Promise<{ stdout: string }> => await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../src/init-main.js')], { env })
  const forCompose = {
    MONGODB_URI: stack.mongo.adminUri,
    MONGODB_HOST: new URL(stack.mongo.adminUri).host,
    REDIS_URL: stack.redis.adminUrl,
    ...Object.fromEntries(serviceNames.map((name) => [`${name.toUpperCase().replaceAll('-', '_')}_PASSWORD`, `compose-${name}`]))
  }
  await t.rejects(initialise({ ...forCompose, OTP_SERVICE_PASSWORD: '' }), { code: 1, stderr: 'init: OTP_SERVICE_PASSWORD is missing\n' })
  for (const run of ['first', 'again']) t.match(await initialise(forCompose), { stdout: /are in place/ }, run)
  t.equal(await redisAs(t, 'otp-service', redisUrlFor(stack.redis.adminUrl, 'otp-service', 'compose-otp-service')).ping(), 'PONG')
  await mongoAs(t, 'otp-service', mongoUriFor(stack.mongo.adminUri, 'otp-service', 'compose-otp-service'))

  t.equal(mongoUriFor('mongodb://a:b@one:1,two:2/?replicaSet=x&authSource=admin', 'otp-service', 'p@ss'), 'mongodb://otp-service:p%40ss@one:1,two:2/countersign_otp?replicaSet=x&authSource=countersign_otp')
  t.throws(() => mongoUriFor('postgresql://x', 'otp-service', 'x'), { name: 'StackFault' })
})
