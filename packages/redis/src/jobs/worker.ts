/** Works through the jobs of one contract. */
import { performance } from 'node:perf_hooks'
import { UnrecoverableError, Worker, type Job as BullJob } from 'bullmq'
import { queuePrefix, type Job, type PayloadOf } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { checkOf } from '../contract-check.ts'
import { cappedWaitMs } from './backoff.ts'
import { workerSettings, type JobConnection } from './job-connection.ts'
import { closeQueue, openQueue } from './job-queue.ts'
import { reportQueue } from './queue-gauges.ts'
import { UnrecoverableJob } from './unrecoverable-job.ts'

export interface JobContext {
  readonly jobId: string
  /** 1 for the first. */
  readonly attempt: number
  /** True when a failure now is final. */
  readonly lastAttempt: boolean
  /** With queue, job id and attempt in every line. */
  readonly log: Logger
}

export interface WorkerOptions<J extends Job> {
  readonly connection: JobConnection
  /** Must be safe to repeat: a job whose worker dies is given to another. Throws UnrecoverableJob to fail for good. */
  readonly handle: (payload: PayloadOf<J>, context: JobContext) => Promise<void>
  readonly concurrency?: number
  /** The job of a worker that dies is given to another within twice this long; 10 s when not said, since a mailed code lives for 300 s. */
  readonly lockMs?: number
  readonly log: Logger
  readonly metrics: Metrics
}

export interface JobWorker {
  /** Takes nothing more and waits for the jobs that run. */
  readonly close: () => Promise<void>
}

type Outcome = 'ok' | 'retried' | 'failed'

/** Connects in the background and waits for Redis as long as it takes. */
export const startWorker = <J extends Job>(job: J, { connection, handle, concurrency = 10, lockMs = 10_000, log, metrics }: WorkerOptions<J>): JobWorker => {
  const check = checkOf(job.payload)
  const duration = metrics.histogram({ name: 'job_duration_seconds', help: 'One attempt at a job', labels: ['queue', 'outcome'] })

  const attempt = async (bullJob: BullJob): Promise<void> => {
    const context = contextOf(bullJob, job, log)
    const startedAt = performance.now()
    const record = (outcome: Outcome): void => { duration.observe({ queue: job.name, outcome }, (performance.now() - startedAt) / 1_000) }
    try {
      const payload: unknown = bullJob.data
      // What breaks its contract once breaks it on every retry.
      if (!check.accepts(payload)) throw new UnrecoverableJob(`payload: ${check.faults(payload).join('; ')}`)
      await handle(payload as PayloadOf<J>, context)
      record('ok')
    } catch (error) {
      const final = context.lastAttempt || error instanceof UnrecoverableError
      record(final ? 'failed' : 'retried')
      context.log[final ? 'error' : 'warn']({ err: error }, final ? 'job failed for good' : 'job failed, will be tried again')
      throw withoutDetail(error)
    }
  }

  const worker = new Worker(job.name, attempt, {
    connection: workerSettings(connection),
    prefix: queuePrefix(job),
    concurrency,
    lockDuration: lockMs,
    // One look marks a job as suspect, the next one after its lock ended gives it away.
    stalledInterval: Math.ceil(lockMs / 2),
    // A worker that dies has spent an attempt, no more: a roll-out must not fail a mail that has attempts left.
    maxStalledCount: job.attempts,
    settings: { backoffStrategy: (attemptsMade) => cappedWaitMs(job, attemptsMade) }
  })
  let lost = false
  worker.on('error', (err) => {
    if (!lost) log.warn({ queue: job.name, err }, 'worker lost its queue')
    lost = true
  })
  worker.on('active', () => { lost = false })

  const queue = openQueue(job, connection, log)
  const endReport = reportQueue(metrics, job, queue)
  return {
    close: async () => {
      endReport()
      await worker.close()
      await closeQueue(queue)
    }
  }
}

function contextOf (bullJob: BullJob, job: Job, log: Logger): JobContext {
  const jobId = String(bullJob.id)
  const attempt = bullJob.attemptsMade + 1
  return { jobId, attempt, lastAttempt: attempt >= (bullJob.opts.attempts ?? job.attempts), log: log.child({ queue: job.name, jobId, attempt }) }
}

/** BullMQ keeps the message in Redis, where a payload must not reappear: an SMTP answer, say, that quotes the recipient. */
function withoutDetail (error: unknown): Error {
  if (error instanceof UnrecoverableError) return error
  const { name, code } = error instanceof Error ? error as Error & { code?: unknown } : { name: 'not an error', code: undefined }
  return new Error(typeof code === 'string' || typeof code === 'number' ? `${name} ${code}` : name)
}
