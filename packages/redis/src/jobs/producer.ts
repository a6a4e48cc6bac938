/** Adds jobs of one contract. What must not be lost is in an outbox first: this may fail at any time. */
import type { Job, PayloadOf } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { checkOf } from '../contract-check.ts'
import type { JobConnection } from './job-connection.ts'
import { answerOf, closeQueue, openQueue } from './job-queue.ts'
import { reportQueue } from './queue-gauges.ts'

export interface ProducerOptions {
  readonly connection: JobConnection
  readonly log: Logger
  readonly metrics: Metrics
}

/** `missing`: never added, finished long ago, or lost by Redis. `failed`: for good; an outbox may have it tried again by another id only. */
export type JobStateWord = 'missing' | 'open' | 'finished' | 'failed'

export interface Producer<J extends Job = Job> {
  readonly contract: J
  /**
   * Adds the job, unless one with the same id is still kept.
   * @throws TypeError when the payload breaks its contract; Redis' error when it did not answer (the job may have been added)
   */
  readonly add: (payload: PayloadOf<J>) => Promise<void>
  /** Several in one message. @throws as `add`; then none was added, or after Redis' error any of them may have been */
  readonly addAll: (payloads: readonly PayloadOf<J>[]) => Promise<void>
  /** @throws Redis' error when it did not answer */
  readonly stateOf: (jobId: string) => Promise<JobStateWord>
  readonly close: () => Promise<void>
}

/** Connects in the background: a producer may be made while Redis is away. */
export const createProducer = <J extends Job>(job: J, { connection, log, metrics }: ProducerOptions): Producer<J> => {
  const queue = openQueue(job, connection, log)
  const check = checkOf(job.payload)
  const endReport = reportQueue(metrics, job, queue)

  const assertKept = (payload: PayloadOf<J>): void => {
    if (!check.accepts(payload)) throw new TypeError(`${job.name}: ${check.faults(payload).join('; ')}`)
  }

  return {
    contract: job,
    addAll: async (payloads) => {
      for (const payload of payloads) assertKept(payload)
      await answerOf(job, queue.addBulk(payloads.map((payload) => ({ name: job.name, data: payload, opts: { jobId: job.jobId(payload) } }))))
    },
    add: async (payload) => {
      assertKept(payload)
      await answerOf(job, queue.add(job.name, payload, { jobId: job.jobId(payload) }))
    },
    stateOf: async (jobId) => {
      const state = await answerOf(job, queue.getJobState(jobId))
      if (state === 'unknown') return 'missing'
      if (state === 'completed') return 'finished'
      return state === 'failed' ? 'failed' : 'open'
    },
    close: async () => {
      endReport()
      await closeQueue(queue)
    }
  }
}
