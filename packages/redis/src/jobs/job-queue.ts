/** The BullMQ queue of one contract, for whoever adds to it or looks at it. */
import { Queue } from 'bullmq'
import { queuePrefix, type Job } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import { backoffOf } from './backoff.ts'
import { producerSettings, type JobConnection } from './job-connection.ts'

const hourSeconds = 3_600
/** Finished jobs are kept so that a repeated id stays a no-op for a while; bounded, because Redis evicts nothing. */
const keptWhenFinished = { age: hourSeconds, count: 5_000 }
const keptWhenFailed = { age: 7 * 24 * hourSeconds, count: 10_000 }

export const openQueue = (job: Job, connection: JobConnection, log: Logger): Queue => {
  const queue = new Queue(job.name, {
    connection: producerSettings(connection),
    prefix: queuePrefix(job),
    defaultJobOptions: {
      attempts: job.attempts,
      backoff: backoffOf(job),
      removeOnComplete: keptWhenFinished,
      removeOnFail: keptWhenFailed,
      // Stack traces may quote what a server said about a recipient, and Redis keeps them readable.
      stackTraceLimit: 0
    }
  })
  let lost = false
  queue.on('error', (err) => {
    // BullMQ tells of every attempt to connect; one line will do.
    if (!lost) log.warn({ queue: job.name, err }, 'queue connection fault')
    lost = true
  })
  void queue.getBackend().connection.client.then((client) => client.on('ready', () => { lost = false }), () => undefined)
  return queue
}

const goodbyeWithinMs = 2_000

/** Also while Redis is away: BullMQ then fails to say goodbye, or waits for an answer without end, and its client would go on connecting. */
export const closeQueue = async (queue: Queue): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error('no goodbye')) }, goodbyeWithinMs)
  })
  try {
    await Promise.race([queue.close(), late])
  } catch {
    queue.disconnect().catch(() => undefined)
  } finally {
    clearTimeout(timer)
  }
}

const answerWithinMs = 3_000

/**
 * Before its first connection BullMQ waits without end; a caller does not.
 * @throws Error naming the queue when Redis gave no answer in time: what was asked may still happen
 */
export const answerOf = async <T>(job: Job, question: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`${job.name}: Redis did not answer within ${answerWithinMs} ms`)) }, answerWithinMs)
  })
  try {
    return await Promise.race([question, late])
  } finally {
    clearTimeout(timer)
  }
}
