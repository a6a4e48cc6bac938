/**
 * Calls per second and latency of a command, against BullMQ's add + waitUntilFinished: two processes, one Redis, 10 in flight.
 * Started with `callee <redis url>` it is the other process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { verifyChallenge, type RequestOf } from '@countersign/contracts'
import { startRedisServer } from '@countersign/local-stack'
import { createCommandClient, handle, startCommandServer } from '@countersign/redis'
import { createLogger, createMetrics, newId, printTable } from '@countersign/runtime'

const inFlight = 10
const rounds = 5
const queueName = 'bench-verify'
const receipt = 'r'.repeat(400)

const processOf = (service: string) => ({
  log: createLogger({ service, level: 'warn', sha: 'bench', environment: 'benchmark' }),
  metrics: createMetrics({ service, sha: 'bench' })
})
/** One for all calls: making ids is not what is measured. */
const request: RequestOf<typeof verifyChallenge> = { challenge_id: newId('chl'), user_id: newId('usr'), session_id: newId('ses'), code: '123456' }
const connectionTo = (url: string) => {
  const { hostname: host, port, username, password } = new URL(url)
  return { host, port: Number(port), username, password }
}

/** The callee: the same empty handler behind both. */
async function runCallee (url: string): Promise<void> {
  await startCommandServer({ url, service: 'otp-service', ...processOf('otp-service'), handlers: [handle(verifyChallenge, async () => ({ receipt }))] })
  const worker = new Worker(queueName, async () => ({ receipt }), { connection: connectionTo(url), concurrency: 50 })
  await worker.waitUntilReady()
  process.stdout.write('ready\n')
}

interface Round { readonly perSecond: number, readonly p50: number, readonly p99: number }

/** `inFlight` callers, each calling again as soon as it was answered. */
async function measure (calls: number, call: () => Promise<unknown>): Promise<Round> {
  const took: number[] = []
  let left = calls
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const from = performance.now()
      await call()
      took.push(performance.now() - from)
    }
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: inFlight }, caller))
  const seconds = (performance.now() - from) / 1_000
  took.sort((a, b) => a - b)
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? NaN
  return { perSecond: took.length / seconds, p50: at(0.5), p99: at(0.99) }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
const medians = (all: readonly Round[]): Round => ({
  perSecond: median(all.map(({ perSecond }) => perSecond)), p50: median(all.map(({ p50 }) => p50)), p99: median(all.map(({ p99 }) => p99))
})

async function startCallee (url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [import.meta.filename, 'callee', url], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') return child
  throw new Error('the callee did not start')
}

async function runCaller (): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const redis = await startRedisServer({ directory, password: randomBytes(16).toString('hex') })
  const callee = await startCallee(redis.url)
  const client = await createCommandClient({ url: redis.url, service: 'signer-service', ...processOf('signer-service') })
  const connection = connectionTo(redis.url)
  const queue = new Queue(queueName, { connection, defaultJobOptions: { removeOnComplete: { age: 60, count: 1_000 } } })
  queue.setMaxListeners(0)
  const events = new QueueEvents(queueName, { connection })
  await events.waitUntilReady()

  const command = async (): Promise<unknown> => await client.call(verifyChallenge, request, { requestId: 'bench' })
  const job = async (): Promise<unknown> => await (await queue.add('verify', request)).waitUntilFinished(events)
  await measure(5_000, command)
  await measure(500, job)
  const commands: Round[] = []
  const jobs: Round[] = []
  for (let round = 0; round < rounds; round += 1) {
    commands.push(await measure(20_000, command))
    jobs.push(await measure(2_000, job))
  }

  const [ours, theirs] = [medians(commands), medians(jobs)]
  const row = (path: string, { perSecond, p50, p99 }: Round) =>
    ({ path, 'calls/s': Math.round(perSecond), 'p50 ms': p50.toFixed(2), 'p99 ms': p99.toFixed(2), ratio: (perSecond / theirs.perSecond).toFixed(1) })
  printTable([row('command', ours), row('BullMQ add + waitUntilFinished', theirs)])
  process.stdout.write(`${inFlight} in flight, two processes, medians of ${rounds} rounds each, taken in turns\n`)

  await client.close()
  await events.close()
  await queue.close()
  callee.kill()
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
}

const [role, url] = process.argv.slice(2)
await (role === 'callee' && url !== undefined ? runCallee(url) : runCaller())
