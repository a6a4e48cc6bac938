/** The whole stack: its parts answer, its data outlives it, its processes do not. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stores } from '@countersign/contracts'
import { Redis } from 'ioredis'
import { MongoClient, type Document } from 'mongodb'
import { createTransport } from 'nodemailer'
import t from 'tap'
import { startStack, type Stack } from '../src/index.ts'
import { processesNaming } from './process/processes.ts'

const dataDirectory = await mkdtemp(join(tmpdir(), 'countersign-stack-'))
let stack: Stack = await startStack({ dataDirectory })
t.teardown(async () => {
  await stack.stop()
  await rm(dataDirectory, { recursive: true, force: true })
})

const inRedis = async <T>(work: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis(stack.redis.urlFor('auth-gateway'), { maxRetriesPerRequest: 0 })
  try {
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}
const inMongo = async <T>(work: (users: ReturnType<ReturnType<MongoClient['db']>['collection']>) => Promise<T>): Promise<T> => {
  const client = await new MongoClient(stack.mongo.uriFor('auth-gateway')).connect()
  try {
    return await work(client.db(stores['auth-gateway'].database).collection('users'))
  } finally {
    await client.close()
  }
}
const somebody = '0x00000000000000000000000000000000000000aa'
const balance = async (): Promise<string> => await stack.chain.request('eth_getBalance', [somebody, 'latest'])
const ours = (): string[] => processesNaming(dataDirectory).filter((line) => !line.includes('stack.test'))

t.test('every part answers, and a mail sent over SMTP is in the box', async (t) => {
  t.equal(await stack.chain.request('eth_chainId'), '0x7a69')
  t.equal(await inRedis(async (redis) => await redis.ping()), 'PONG')
  t.equal(await inMongo(async (users) => await users.countDocuments()), 0)
  t.equal((await fetch(`${stack.kms.endpoint}/_health`)).status, 200)
  const mailer = createTransport({ host: stack.smtp.host, port: stack.smtp.port })
  await mailer.sendMail({ from: 'a@example.com', to: 'b@example.com', subject: 'Hello', text: 'with an ü' })
  mailer.close()
  t.match(await stack.smtp.waitForMail(({ to }) => to.includes('b@example.com'), 5_000), { subject: 'Hello', text: /with an ü/ })
})

t.test('the fault switches of the KMS emulator work from outside its process, and it comes back with its keys', async (t) => {
  const ask = async (): Promise<Document> => await (await fetch(stack.kms.endpoint, {
    method: 'POST', headers: { 'x-amz-target': 'TrentService.DescribeKey', 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify({ KeyId: 'test-key-id' })
  })).json() as Document
  const healthy = await ask()
  await stack.kms.setFaults({ throttle: 'always' })
  t.match(await ask(), { __type: 'ThrottlingException' })
  await t.rejects(stack.kms.setFaults({ throttle: 'sometimes' }), { message: /fault switches: 4\d\d/ })
  await stack.kms.clearFaults()
  t.strictSame(await ask(), healthy)
  await stack.kms.kill()
  await t.rejects(ask())
  await stack.kms.restart()
  t.strictSame(await ask(), healthy)
})

t.test('stop leaves no process, and the next start on the same data finds everything again on other ports', async (t) => {
  const before = stack
  const secret = before.environmentFor('otp-service')['SECRET_KEY']
  await before.chain.request('anvil_setBalance', [somebody, '0x7'])
  await inRedis(async (redis) => await redis.set('gw:kept', 'yes'))
  await inMongo(async (users) => await users.insertOne({ kept: true }))
  const keys = await readFile(join(dataDirectory, 'kms-keys.json'), 'utf8')
  t.not(ours().length, 0)

  await Promise.all([before.stop(), before.stop()])

  t.strictSame(ours(), [])
  t.strictSame(await readdir(join(dataDirectory, 'processes')), [])
  stack = await startStack({ dataDirectory })
  t.not(stack.mongo.adminUri, before.mongo.adminUri)
  t.equal(stack.environmentFor('otp-service')['SECRET_KEY'], secret)
  t.match(await inMongo(async (users) => await users.findOne({})), { kept: true })
  t.equal(await inRedis(async (redis) => await redis.get('gw:kept')), 'yes')
  t.equal(await balance(), '0x7')
  t.equal(await readFile(join(dataDirectory, 'kms-keys.json'), 'utf8'), keys)
})

t.test('a whole stack killed hard leaves data that the next one starts from, after it ended the old servers', async (t) => {
  await stack.stop()
  const script = `const { startStack } = await import(${JSON.stringify(new URL('../src/index.js', import.meta.url).href)})
    await startStack({ dataDirectory: ${JSON.stringify(dataDirectory)} })
    process.stdout.write('up')
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const left = ours()
  t.ok(left.some((line) => line.includes('mongod')), 'its servers run on')

  stack = await startStack({ dataDirectory })

  t.strictSame(ours().filter((line) => left.includes(line)), [])
  t.match(await inMongo(async (users) => await users.findOne({})), { kept: true })
  t.equal(await inRedis(async (redis) => await redis.get('gw:kept')), 'yes')
  t.equal(await balance(), '0x7')
})

t.test('fresh wipes what was there', async (t) => {
  const secret = stack.environmentFor('otp-service')['SECRET_KEY']
  await stack.stop()
  stack = await startStack({ dataDirectory, fresh: true })
  t.not(stack.environmentFor('otp-service')['SECRET_KEY'], secret)
  t.equal(await inRedis(async (redis) => await redis.get('gw:kept')), null)
  t.equal(await inMongo(async (users) => await users.countDocuments()), 0)
  t.equal(await balance(), '0x0')
})
