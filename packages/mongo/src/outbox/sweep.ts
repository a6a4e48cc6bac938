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

/** Of nearly all rows this is all there is to know, and they are written together at the end. */
type Shared = 'finished' | 'open'

export const createSweep = ({ outbox, producers, log, metrics, batchSize }: SweepOptions) => {
  const open = metrics.gauge({ name: 'outbox_open', help: 'Rows whose job was not seen finished', labels: ['queue'] })
  const swept = metrics.counter({ name: 'outbox_swept_total', help: 'Rows that a sweep looked at, by what came of it', labels: ['queue', 'outcome'] })

  const settle = async (row: DueRow): Promise<SweepOutcome | Shared> => {
    const { _id, queue, jobId, late } = row
    const producer = producers[queue]
    if (producer === undefined) throw new Error(`no producer for the queue ${queue}`)

    const state = await producer.stateOf(jobId)
    if (state === 'finished' || (state === 'open' && !late)) return state
    if (state === 'failed') return await outbox.close(_id, 'failed') ? 'failed' : 'lost'
    if (late) return await outbox.close(_id, 'expired') ? 'expired' : 'lost'
    if (!await outbox.claim(row)) return 'lost'

    await producer.add(row.payload)
    return 'added'
  }

  const look = async (row: DueRow): Promise<SweepOutcome | Shared> => {
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
    const count = (queue: string, outcome: SweepOutcome, number: number): void => {
      if (number === 0) return
      result[outcome] += number
      swept.inc({ queue, outcome }, number)
    }
    const shared: { readonly row: DueRow, readonly found: Shared }[] = []
    const waiting = [...rows]
    const work = async (): Promise<void> => {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        const outcome = await look(row)
        if (outcome === 'finished' || outcome === 'open') shared.push({ row, found: outcome })
        else count(row.queue, outcome, 1)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    for (const queue of new Set(shared.map(({ row }) => row.queue))) {
      const [finished, open] = (['finished', 'open'] as const).map((wanted) => shared.filter(({ row, found }) => row.queue === queue && found === wanted).map(({ row }) => row)) as [DueRow[], DueRow[]]
      const done = await outbox.closeAll(finished.map(({ _id }) => _id), 'done')
      const claimed = await outbox.claimAll(open)
      count(queue, 'done', done)
      count(queue, 'waiting', claimed)
      count(queue, 'lost', finished.length - done + open.length - claimed)
    }

    const counts = await outbox.countOpen()
    for (const queue of new Set([...Object.keys(producers), ...counts.keys()])) open.set({ queue }, counts.get(queue) ?? 0)
    return { ...result, seen: rows.length }
  }
}
