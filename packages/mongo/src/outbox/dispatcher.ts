/** Brings outbox rows to their queues: at once after the commit, and again whenever a sweep finds the job gone. */
import type { Logger, Metrics } from '@countersign/runtime'
import { gather } from '../gather.ts'
import type { Outbox } from './outbox.ts'
import type { OutboxRow } from './row.ts'
import { createSweep, type OutboxProducer, type SweepResult } from './sweep.ts'

export interface OutboxDispatcherOptions {
  readonly outbox: Outbox
  /** By queue name. */
  readonly producers: Readonly<Record<string, OutboxProducer>>
  readonly log: Logger
  readonly metrics: Metrics
  /** Rows of one sweep at most. */
  readonly batchSize?: number
}

export interface OutboxDispatcher {
  /** Call it after the commit; rows that come at the same time go in one message. Never throws: what fails here is the sweeper's. */
  dispatch (row: OutboxRow): Promise<void>
  sweep (): Promise<SweepResult>
  /** Sweeps now and then every `intervalMs`, at once again while a sweep finds a full batch. */
  start (intervalMs: number): void
  /** Waits for the sweep that is running. */
  close (): Promise<void>
}

export const createOutboxDispatcher = ({ outbox, producers, log, metrics, batchSize = 200 }: OutboxDispatcherOptions): OutboxDispatcher => {
  const sweep = createSweep({ outbox, producers, log, metrics, batchSize })
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false

  const round = async (intervalMs: number): Promise<void> => {
    let full = false
    try {
      full = (await sweep()).seen === batchSize
    } catch (error) {
      log.error({ err: error }, 'outbox sweep failed')
    }
    if (!stopped) schedule(full ? 0 : intervalMs, intervalMs)
  }
  const schedule = (delayMs: number, intervalMs: number): void => {
    timer = setTimeout(() => { running = round(intervalMs) }, delayMs)
  }

  const add = async (queue: string, payloads: readonly unknown[]): Promise<void> => {
    const producer = producers[queue]
    if (producer === undefined) throw new Error(`no producer for the queue ${queue}`)
    if (producer.addAll !== undefined && payloads.length > 1) await producer.addAll(payloads)
    else await Promise.all(payloads.map((payload) => producer.add(payload)))
  }
  /** A row whose queue does not take it makes each go again by itself: adding a job that is there changes nothing. */
  const dispatchShared = gather(async (rows: readonly OutboxRow[]) => {
    const queues = [...new Set(rows.map(({ queue }) => queue))]
    await Promise.all(queues.map((name) => add(name, rows.filter(({ queue }) => queue === name).map(({ payload }) => payload))))
    return rows.map(() => undefined)
  })

  return {
    async dispatch (row) {
      try {
        await dispatchShared(row)
      } catch (error) {
        log.warn({ err: error, queue: row.queue, jobId: row.jobId }, 'job was not enqueued after the commit, the sweeper will')
      }
    },

    sweep,

    start (intervalMs) {
      if (timer !== undefined || stopped) throw new Error('the outbox sweeper starts once')
      schedule(0, intervalMs)
    },

    async close () {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}
