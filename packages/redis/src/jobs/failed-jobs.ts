/** Jobs that failed for good and are still kept, for an operator. */
import type { Job } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import type { JobConnection } from './job-connection.ts'
import { answerOf, closeQueue, openQueue } from './job-queue.ts'

export interface FailedJob {
  readonly jobId: string
  /** As it lies in Redis: not checked against its contract. */
  readonly payload: unknown
  /** Why its last attempt failed; names no person. */
  readonly reason: string
  readonly failedAt: Date
}

export interface FailedJobs {
  /** The latest first. @throws Redis' error when it did not answer */
  readonly list: (limit: number) => Promise<FailedJob[]>
  /** Gives it all its attempts again. @throws when it is not there, or did not fail, or Redis did not answer */
  readonly retry: (jobId: string) => Promise<void>
  readonly close: () => Promise<void>
}

export const openFailedJobs = (job: Job, connection: JobConnection, log: Logger): FailedJobs => {
  const queue = openQueue(job, connection, log)
  return {
    list: async (limit) => (await answerOf(job, queue.getJobs(['failed'], 0, limit - 1))).map(({ id, data, failedReason, finishedOn }) =>
      ({ jobId: String(id), payload: data as unknown, reason: failedReason, failedAt: new Date(finishedOn ?? 0) })),
    retry: async (jobId) => {
      const found = await answerOf(job, queue.getJob(jobId))
      if (found === undefined) throw new Error(`${job.name}: there is no job ${jobId}`)
      await answerOf(job, found.retry('failed', { resetAttemptsMade: true }))
    },
    close: async () => { await closeQueue(queue) }
  }
}
