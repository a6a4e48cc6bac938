/** One look at the rows that are due. Any number of sweepers may look at once: each change of a row has one winner. */
import type { Logger, Metrics } from '@countersign/runtime'
import type { DueRow, Outbox } from './outbox.ts'

/** What a sweep needs of `Producer` in @countersign/redis; that package is this one's neighbour and stays unknown here. */
export interface OutboxProducer {
  /** Adding a job that is there changes nothing. */
  add (payload: unknown): Promise<unknown>
  /** Several in one message: all or, as far as the caller knows, none. */
  addAll? (payloads: readonly unknown[]): Promise<unknown>
  stateOf (jobId: string): Promise<'missing' | 'open' | 'finished' | 'failed'>
}

/** `waiting`: the job is on its way. `lost`: another sweeper was faster. `error`: the queue could not be asked. */
export type SweepOutcome = 'done' | 'failed' | 'expired' | 'added' | 'waiting' | 'lost' | 'error'
export type SweepResult = Readonly<Record<SweepOutcome, number>> & { readonly seen: number }

export interface SweepOptions {
  readonly outbox: Outbox
  readonly producers: Readonly<Record<string, OutboxProducer>>
  readonly log: Logger
  readonly metrics: Metrics
  readonly batchSize: number
}

const atOnce = 10

export const createSweep = ({ outbox, producers, log, metrics, batchSize }: SweepOptions) => {
  const open = metrics.gauge({ name: 'outbox_open', help: 'Rows whose job was not seen finished', labels: ['queue'] })
  const swept = metrics.counter({ name: 'outbox_swept_total', help: 'Rows that a sweep looked at, by what came of it', labels: ['queue', 'outcome'] })

  const settle = async (row: DueRow): Promise<SweepOutcome> => {
    const { _id, queue, jobId, late } = row
    const producer = producers[queue]
    if (producer === undefined) throw new Error(`no producer for the queue ${queue}`)

    const state = await producer.stateOf(jobId)
    if (state === 'finished') return await outbox.close(_id, 'done') ? 'done' : 'lost'
    if (state === 'failed') return await outbox.close(_id, 'failed') ? 'failed' : 'lost'
    if (late) return await outbox.close(_id, 'expired') ? 'expired' : 'lost'
    if (!await outbox.claim(row)) return 'lost'
    if (state === 'open') return 'waiting'

    await producer.add(row.payload)
    await outbox.markEnqueued([_id])
    return 'added'
  }

  const look = async (row: DueRow): Promise<SweepOutcome> => {
    try {
      const outcome = await settle(row)
      if (outcome === 'failed') log.error({ queue: row.queue, jobId: row.jobId }, 'job failed for good')
      return outcome
    } catch (error) {
      log.warn({ err: error, queue: row.queue, jobId: row.jobId }, 'outbox row could not be swept')
      // One row that cannot be settled must not stand before all others in every batch.
      await outbox.claim(row)
      return 'error'
    }
  }

  return async (): Promise<SweepResult> => {
    const result: Record<SweepOutcome, number> = { done: 0, failed: 0, expired: 0, added: 0, waiting: 0, lost: 0, error: 0 }
    const rows = await outbox.due(batchSize)
    const waiting = [...rows]
    const work = async (): Promise<void> => {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        const outcome = await look(row)
        result[outcome]++
        swept.inc({ queue: row.queue, outcome })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))

    const counts = await outbox.countOpen()
    for (const queue of new Set([...Object.keys(producers), ...counts.keys()])) open.set({ queue }, counts.get(queue) ?? 0)
    return { ...result, seen: rows.length }
  }
}
