import type { IndexSpec } from '../indexes.ts'

/** `open` until the job is seen finished; the other three are final. */
export type OutboxState = 'open' | 'done' | 'expired' | 'failed'

export interface OutboxRow {
  readonly _id: string
  readonly queue: string
  readonly jobId: string
  readonly payload: unknown
  /** After this the job has no use any more and is not added again. */
  readonly usefulUntil: Date
  readonly state: OutboxState
  readonly createdAt: Date
  /** When a sweeper looks at the row next. Whoever moves it has claimed the row. */
  readonly checkAt: Date
  readonly closedAt?: Date
}

export interface OutboxEntry {
  readonly queue: string
  readonly jobId: string
  readonly payload: unknown
  /** A time that the database gave, or milliseconds from the database's now: a process clock decides no life. */
  readonly usefulUntil: Date | { readonly inMs: number }
}

const thirtyDaysInSeconds = 30 * 24 * 3_600

export const outboxIndexes: readonly IndexSpec[] = [
  { collection: 'outbox', name: 'one_row_per_job', key: { queue: 1, jobId: 1 }, unique: true },
  { collection: 'outbox', name: 'open_by_check', key: { checkAt: 1 }, partialFilterExpression: { state: 'open' } },
  // Done, failed and expired alike; an open row has no such field and stays.
  { collection: 'outbox', name: 'closed_expiry', key: { closedAt: 1 }, expireAfterSeconds: thirtyDaysInSeconds, partialFilterExpression: { closedAt: { $exists: true } } }
]
