/** How long a failed job waits: twice as long each time, less by chance so that jobs which failed together do not come back together. */
import type { BackoffOptions } from 'bullmq'
import type { Job } from '@countersign/contracts'

const jitter = 0.5
/** Any name that BullMQ does not know itself; only the worker gives it a meaning. */
const capped = 'capped'

/** For the producer, who writes it into the job. */
export const backoffOf = ({ firstRetryMs, longestRetryMs }: Job): BackoffOptions =>
  ({ type: longestRetryMs === undefined ? 'exponential' : capped, delay: firstRetryMs, jitter })

/**
 * For the worker, who computes the wait: BullMQ's own doubling knows no longest wait.
 * @param attemptsMade 1 after the first
 * @param chance from 0 to 1
 */
export const cappedWaitMs = ({ firstRetryMs, longestRetryMs = Infinity }: Pick<Job, 'firstRetryMs' | 'longestRetryMs'>, attemptsMade: number, chance = Math.random()): number =>
  Math.floor(Math.min(longestRetryMs, firstRetryMs * 2 ** (attemptsMade - 1)) * (1 - jitter * chance))
