import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { mailFromGateway, mailFromOtp, mailFromSigner, queuePrefix, type Job } from '@countersign/contracts'
import { startRedis, until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { createProducer, jobConnection, startWorker, UnrecoverableJob, type JobContext, type Producer } from '../../src/index.ts'
import { cappedWaitMs } from '../../src/jobs/backoff.ts'
import { series, telemetry, type Telemetry } from '../commands/echo.ts'
import { letter, type Letter } from './letter.ts'

const limitedUser = { name: 'limited', password: 'only-its-queue' }
const server = await startRedis(t, {
  users: () => [{
    name: limitedUser.name,
    rules: ['on', `>${limitedUser.password}`, 'resetkeys', 'resetchannels', `~${queuePrefix(letter)}:*`, '-@all', '+@read', '+@write', '+@blocking', '+@scripting', '+@connection', '+@transaction', '+info', '-@dangerous', '+info']
  }]
})
const connection = jobConnection(server.url, 'test')

interface Bench extends Telemetry { readonly producer: Producer<Job<typeof letter.payload>>, readonly state: (jobId: string) => Promise<string> }

function openProducer (t: Test, job = letter, given = connection): Bench {
  const side = telemetry('otp-service')
  const producer = createProducer(job, { connection: given, ...side })
  t.teardown(() => producer.close())
  return { ...side, producer, state: producer.stateOf }
}

function openWorker (t: Test, handle: (payload: Letter, context: JobContext) => Promise<void>, { job = letter, given = connection, lockMs = 10_000 } = {}): Telemetry {
  const side = telemetry('email-worker')
  const worker = startWorker(job, { connection: given, handle, lockMs, ...side })
  t.teardown(() => worker.close())
  return side
}

const reached = async (bench: Bench, jobId: string, state: string): Promise<void> => {
  await until(async () => await bench.state(jobId) === state, { what: `${jobId} to be ${state}` })
}

t.afterEach(async () => { await server.flush() })

t.test('a job is done, and its state can be followed', async (t) => {
  const bench = openProducer(t)
  t.equal(await bench.state('dlv_1'), 'missing')
  await bench.producer.add({ id: 'dlv_1', text: 'hello' })
  t.equal(await bench.state('dlv_1'), 'open')
  const seen: unknown[] = []

  const worker = openWorker(t, async (payload, { jobId, attempt, lastAttempt }) => { seen.push([payload, jobId, attempt, lastAttempt]) })

  await reached(bench, 'dlv_1', 'finished')
  t.strictSame(seen, [[{ id: 'dlv_1', text: 'hello' }, 'dlv_1', 1, false]])
  t.equal(await series(worker.metrics, 'job_duration_seconds', { queue: letter.name, outcome: 'ok' }), 1)
})

t.test('jobs added together are all there, one that is there already changes nothing, and one that breaks its contract keeps all of them out', async (t) => {
  const own = new URL(server.url)
  Object.assign(own, { username: limitedUser.name, password: limitedUser.password })
  const allowed = openProducer(t, letter, jobConnection(own.href, 'test'))
  await allowed.producer.add({ id: 'dlv_2', text: 'first' })
  await allowed.producer.addAll([{ id: 'dlv_1', text: 'hello' }, { id: 'dlv_2', text: 'again' }, { id: 'dlv_3', text: 'hello' }])
  for (const id of ['dlv_1', 'dlv_2', 'dlv_3']) t.equal(await allowed.state(id), 'open')
  await t.rejects(allowed.producer.addAll([{ id: 'dlv_4', text: 'hello' }, { id: 'dlv_5', text: 'x'.repeat(100) }]), TypeError)
  t.equal(await allowed.state('dlv_4'), 'missing')

  const seen: Letter[] = []
  openWorker(t, async (payload) => { seen.push(payload) })
  await until(() => seen.length === 3, { what: 'three letters' })
  t.same(seen.map(({ id, text }) => `${id} ${text}`).sort(), ['dlv_1 hello', 'dlv_2 first', 'dlv_3 hello'])
})

t.test('the same job added many times at once, and again when it is done, is done once', async (t) => {
  const bench = openProducer(t)
  const other = openProducer(t)
  let done = 0
  openWorker(t, async () => { done += 1 })
  const add = async (): Promise<void> => {
    await Promise.all([bench, other].flatMap(({ producer }) => Array.from({ length: 10 }, () => producer.add({ id: 'dlv_2', text: 'once' }))))
  }

  await add()
  await reached(bench, 'dlv_2', 'finished')
  await add()
  await bench.producer.add({ id: 'dlv_3', text: 'after' })
  await reached(bench, 'dlv_3', 'finished')

  t.equal(done, 2)
})

t.test('a payload that breaks its contract is refused by the producer, without being quoted', async (t) => {
  const bench = openProducer(t)

  const error = await bench.producer.add({ id: 'dlv_4', text: 'secret'.repeat(100) }).catch((error: unknown) => error as Error)

  t.match(error, { name: 'TypeError', message: /letters: \/text/ })
  t.notMatch(String(error), /secret/)
  t.equal(await bench.state('dlv_4'), 'missing')
})

t.test('a payload that breaks its contract all the same fails after one attempt', async (t) => {
  const bench = openProducer(t)
  const queue = new Queue(letter.name, { connection: { url: server.url }, prefix: queuePrefix(letter) })
  t.teardown(() => queue.close())
  let handled = 0
  await queue.add(letter.name, { id: 'dlv_5', secret: 'hunter2' }, { jobId: 'dlv_5', attempts: 5 })

  const worker = openWorker(t, async () => { handled += 1 })

  await reached(bench, 'dlv_5', 'failed')
  const failed = await queue.getJob('dlv_5')
  t.equal(failed?.attemptsMade, 1)
  t.equal(handled, 0)
  t.match(failed?.failedReason, /payload: \/ must have required properties/)
  t.notMatch(`${failed?.failedReason} ${worker.logs.text()}`, /hunter2/)
  t.equal(await series(worker.metrics, 'job_duration_seconds', { outcome: 'failed' }), 1)
})

t.test('a job that fails is tried again, later and later, until its attempts are spent', async (t) => {
  const bench = openProducer(t)
  const attempts: { at: number, attempt: number, lastAttempt: boolean }[] = []
  const worker = openWorker(t, async (_payload, { attempt, lastAttempt }) => {
    attempts.push({ at: performance.now(), attempt, lastAttempt })
    throw Object.assign(new Error('550 <ann@example.com> refused'), { code: 'EENVELOPE' })
  })

  await bench.producer.add({ id: 'dlv_6', text: 'x' })
  await reached(bench, 'dlv_6', 'failed')

  t.strictSame(attempts.map(({ attempt, lastAttempt }) => [attempt, lastAttempt]), [[1, false], [2, false], [3, true]])
  const [first = 0, second = 0, third = 0] = attempts.map(({ at }) => at)
  t.ok(second - first >= letter.firstRetryMs / 2 && third - second >= letter.firstRetryMs, `waits of ${Math.round(second - first)} and ${Math.round(third - second)} ms`)
  t.equal(await series(worker.metrics, 'job_duration_seconds', { outcome: 'retried' }), 2)
  t.equal(await series(worker.metrics, 'job_duration_seconds', { outcome: 'failed' }), 1)
  const queue = new Queue(letter.name, { connection: { url: server.url }, prefix: queuePrefix(letter) })
  t.teardown(() => queue.close())
  t.equal((await queue.getJob('dlv_6'))?.failedReason, 'Error EENVELOPE', 'what the mail server said about whom stays out of Redis')
})

t.test('no wait is longer than the longest, however often a job has failed', async (t) => {
  const patient = { ...letter, name: 'patient-letters', attempts: 8, longestRetryMs: 200 }
  const bench = openProducer(t, patient)
  const at: number[] = []
  openWorker(t, async () => {
    at.push(performance.now())
    if (at.length < 8) throw new Error('later')
  }, { job: patient })

  await bench.producer.add({ id: 'dlv_19', text: 'x' })
  await reached(bench, 'dlv_19', 'finished')

  const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0))
  // Without the cap the last wait alone would be 3.2 s at least.
  t.ok(waits.every((ms) => ms >= 45 && ms < 1_500), waits.map(Math.round).join(', '))
})

t.test('the mails of a day are tried for a day, even if every wait is the shortest', async (t) => {
  for (const mail of [mailFromOtp, mailFromGateway, mailFromSigner]) {
    const shortest = Array.from({ length: mail.attempts - 1 }, (_, i) => cappedWaitMs(mail, i + 1, 1)).reduce((sum, ms) => sum + ms, 0)
    t.ok(shortest >= 86_400_000, `${mail.name}: ${Math.round(shortest / 3_600_000)} hours`)
    t.equal(cappedWaitMs(mail, mail.attempts, 0), 300_000)
  }
})

t.test('a handler can say that no further attempt helps', async (t) => {
  const bench = openProducer(t)
  let attempts = 0
  openWorker(t, async () => {
    attempts += 1
    throw new UnrecoverableJob('no such template')
  })

  await bench.producer.add({ id: 'dlv_7', text: 'x' })
  await reached(bench, 'dlv_7', 'failed')

  t.equal(attempts, 1)
})

t.test('depth and age of a queue are seen at each scrape, from whichever end is up', async (t) => {
  const bench = openProducer(t)
  t.equal(await series(bench.metrics, 'job_oldest_age_seconds', { queue: letter.name }), 0)
  await bench.producer.add({ id: 'dlv_8', text: 'x' })
  await bench.producer.add({ id: 'dlv_9', text: 'x' })

  t.equal(await series(bench.metrics, 'job_queue_depth', { queue: letter.name, state: 'waiting' }), 2)
  await until(async () => await series(bench.metrics, 'job_oldest_age_seconds', { queue: letter.name }) > 0.05, { what: 'an age' })
  const worker = openWorker(t, async () => undefined)
  await until(async () => await series(worker.metrics, 'job_queue_depth', { queue: letter.name, state: 'completed' }) === 2, { what: 'two done' })
  t.equal(await series(worker.metrics, 'job_oldest_age_seconds', { queue: letter.name }), 0)
})

t.test('a user of Redis who may touch one queue and nothing else can produce, work and be scraped', async (t) => {
  const url = new URL(server.url)
  url.username = limitedUser.name
  url.password = limitedUser.password
  const given = jobConnection(url.href, 'limited')
  const bench = openProducer(t, letter, given)
  const worker = openWorker(t, async (_payload, { attempt }) => { if (attempt === 1) throw new Error('once more') }, { given })

  await bench.producer.add({ id: 'dlv_10', text: 'x' })
  await reached(bench, 'dlv_10', 'finished')

  t.equal(await series(worker.metrics, 'job_queue_depth', { state: 'completed' }), 1)
  t.notMatch(bench.logs.text() + worker.logs.text(), /NOPERM/)
  const stranger = openProducer(t, { ...letter, name: 'bills' }, given)
  await t.rejects(stranger.producer.add({ id: 'dlv_11', text: 'x' }), /NOPERM|No permissions/i)
})

t.test('the jobs of a worker that is killed are done by another', async (t) => {
  const bench = openProducer(t)
  const child = spawn(process.execPath, [new URL('worker-process.js', import.meta.url).pathname, server.url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  t.teardown(async () => { child.kill('SIGKILL'); await exited })
  await bench.producer.add({ id: 'dlv_12', text: 'x' })
  for await (const line of createInterface({ input: child.stdout })) if (line === 'started dlv_12') break

  child.kill('SIGKILL')
  await exited
  openWorker(t, async () => undefined, { lockMs: 1_000 })

  await until(async () => await bench.state('dlv_12') === 'finished', { what: 'another worker', timeoutMs: 20_000 })
})

t.test('while Redis is away producers fail fast and workers wait', async (t) => {
  const bench = openProducer(t)
  const done: string[] = []
  openWorker(t, async (_payload, { jobId }) => { done.push(jobId) })
  await bench.producer.add({ id: 'dlv_13', text: 'x' })
  await until(() => done.length === 1, { what: 'the first job' })

  await server.kill()
  // The producer's socket learns of it a moment later; what it says then, it says at once.
  await until(async () => await bench.producer.add({ id: 'dlv_14', text: 'x' }).then(() => false, () => true), { what: 'a refusal' })
  const from = performance.now()
  await t.rejects(bench.producer.add({ id: 'dlv_15', text: 'x' }))
  await t.rejects(bench.producer.stateOf('dlv_15'))
  t.ok(performance.now() - from < 500, `refused after ${Math.round(performance.now() - from)} ms`)
  t.equal(await series(bench.metrics, 'job_queue_depth', { queue: letter.name }), 0, 'a scrape shows no old numbers')

  await server.restart()
  await until(async () => await bench.producer.add({ id: 'dlv_16', text: 'x' }).then(() => true), { what: 'the producer to be back' })
  await until(() => done.includes('dlv_16'), { what: 'the worker to be back', timeoutMs: 20_000 })
})

t.test('a producer made while Redis is away says so in time, and works once Redis is there', async (t) => {
  await server.kill()
  const bench = openProducer(t)
  const from = performance.now()

  await t.rejects(bench.producer.add({ id: 'dlv_17', text: 'x' }), { message: /letters: Redis did not answer/ })

  t.ok(performance.now() - from < 4_000)
  await server.restart()
  await until(async () => await bench.producer.add({ id: 'dlv_18', text: 'x' }).then(() => true), { what: 'the producer to connect', timeoutMs: 15_000 })
})

t.test('a producer ends also while Redis is away, and connects no more', async (t) => {
  const { producer } = openProducer(t)
  await producer.add({ id: 'dlv_19', text: 'x' })
  await server.kill()
  await until(async () => await producer.add({ id: 'dlv_20', text: 'x' }).then(() => false, () => true), { what: 'a refusal' })

  await t.resolves(producer.close())

  await server.restart()
  await t.rejects(producer.add({ id: 'dlv_21', text: 'x' }))
})
