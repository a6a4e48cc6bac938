/** Takes jobs of mails or of text messages, one worker per producer's queue, and hands them to the use case. */
import type { Job, MailPayload } from '@countersign/contracts'
import { startWorker, UnrecoverableJob, type JobConnection } from '@countersign/redis'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Deliver } from '../deliveries/deliver.ts'

export interface DeliveryWorkersOptions {
  readonly jobs: readonly Job<typeof MailPayload>[]
  readonly connection: JobConnection
  readonly concurrency: number
  /** How soon the job of a dead worker is taken over. */
  readonly lockMs: number
  readonly deliver: Deliver
  readonly log: Logger
  readonly metrics: Metrics
}

export interface DeliveryWorkers {
  /** Takes no more jobs and finishes those in hand. */
  close (): Promise<void>
}

export function startDeliveryWorkers ({ jobs, connection, concurrency, lockMs, deliver, log, metrics }: DeliveryWorkersOptions): DeliveryWorkers {
  const workers = jobs.map((job) => startWorker(job, {
    connection,
    concurrency,
    lockMs,
    log,
    metrics,
    handle: async (payload, { lastAttempt }) => {
      const result = await deliver({ queue: job.name, payload, lastAttempt })
      if (result.then === 'final') throw new UnrecoverableJob(result.why)
      if (result.then === 'again') throw new Error(result.why)
    }
  }))
  return { close: async () => { await Promise.all(workers.map((worker) => worker.close())) } }
}
