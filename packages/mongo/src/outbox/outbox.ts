/** Jobs that must not be lost, written in the transaction of the change that needs them. All times are the database's. */
import { newId } from '@countersign/runtime'
import type { ClientSession, Db, Document } from 'mongodb'
import { exactly, literally } from '../exactly.ts'
import type { OutboxEntry, OutboxRow, OutboxState } from './row.ts'

export interface OutboxOptions {
  /** Another collection of the same rows. Nobody sweeps it unless told to. */
  readonly collection?: string
  /** How long a committed row is left to the process that wrote it before a sweeper looks. */
  readonly graceMs?: number
  /** How long a sweeper leaves a row alone after looking at it. */
  readonly recheckMs?: number
}

export type DueRow = OutboxRow & {
  /** Its usefulness was over when it was read. */
  readonly late: boolean
}

export interface Outbox {
  /**
   * @param session of the transaction that needs the job; aborted, it leaves no row
   * @throws MongoServerError (isDuplicateKey) when the queue has a row for that job id
   */
  insert (entry: OutboxEntry, session: ClientSession): Promise<OutboxRow>
  /**
   * Several in one message.
   * @param at the database's time, as a row of this transaction has it
   */
  insertAll (entries: readonly OutboxEntry[], at: Date, session: ClientSession): Promise<OutboxRow[]>
  /** Open rows that nobody looked at for a while, the longest waiting first. */
  due (limit: number): Promise<DueRow[]>
  /** Moves the next look away. True for exactly one of those who read the same row. */
  claim (row: OutboxRow): Promise<boolean>
  /** Several in one message. @returns how many of them this caller claimed */
  claimAll (rows: readonly OutboxRow[]): Promise<number>
  /** True for exactly one caller. */
  close (id: string, state: Exclude<OutboxState, 'open'>): Promise<boolean>
  /** Several in one message. @returns how many of them this caller closed */
  closeAll (ids: readonly string[], state: Exclude<OutboxState, 'open'>): Promise<number>
  countOpen (): Promise<ReadonlyMap<string, number>>
}

export const createOutbox = (db: Db, { collection = 'outbox', graceMs = 5_000, recheckMs = 10_000 }: OutboxOptions = {}): Outbox => {
  const rows = db.collection<OutboxRow>(collection)
  const claiming = ({ _id, checkAt }: OutboxRow) =>
    ({ filter: { _id: exactly(_id), state: 'open' as const, checkAt: exactly(checkAt) }, update: [{ $set: { checkAt: nowPlus(recheckMs) } }] })

  return {
    async insert ({ queue, jobId, payload, usefulUntil }, session) {
      // An upsert, because a plain insert cannot take the database's time.
      const row = await rows.findOneAndUpdate(
        { _id: exactly(newId('obx')) },
        [{
          $set: {
            queue: literally(queue),
            jobId: literally(jobId),
            payload: literally(payload),
            usefulUntil: usefulUntil instanceof Date ? literally(usefulUntil) : nowPlus(usefulUntil.inMs),
            state: 'open',
            createdAt: '$$NOW',
            checkAt: nowPlus(graceMs)
          }
        }],
        { upsert: true, returnDocument: 'after', session }
      )
      return row as OutboxRow
    },

    async insertAll (entries, at, session) {
      const after = (ms: number): Date => new Date(at.getTime() + ms)
      const made = entries.map(({ queue, jobId, payload, usefulUntil }): OutboxRow => ({
        _id: newId('obx'), queue, jobId, payload, usefulUntil: usefulUntil instanceof Date ? usefulUntil : after(usefulUntil.inMs), state: 'open', createdAt: at, checkAt: after(graceMs)
      }))
      await rows.insertMany(made, { session })
      return made
    },

    due: (limit) => rows.aggregate<DueRow>([
      { $match: { state: 'open', $expr: { $lte: ['$checkAt', '$$NOW'] } } },
      { $sort: { checkAt: 1 } },
      { $limit: limit },
      { $set: { late: { $lte: ['$usefulUntil', '$$NOW'] } } }
    ]).toArray(),

    async claim (row) {
      const { filter, update } = claiming(row)
      return (await rows.updateOne(filter, update)).modifiedCount === 1
    },

    async claimAll (all) {
      return all.length === 0 ? 0 : (await rows.bulkWrite(all.map((row) => ({ updateOne: claiming(row) })), { ordered: false })).modifiedCount
    },

    async close (id, state) {
      const { modifiedCount } = await rows.updateOne(
        { _id: exactly(id), state: 'open' },
        [{ $set: { state: literally(state), closedAt: '$$NOW' } }]
      )
      return modifiedCount === 1
    },

    async closeAll (ids, state) {
      if (ids.length === 0) return 0
      return (await rows.updateMany({ _id: { $in: [...ids] }, state: 'open' }, { $set: { state }, $currentDate: { closedAt: true } })).modifiedCount
    },

    async countOpen () {
      const counts = await rows.aggregate<{ _id: string, count: number }>([
        // The bound on checkAt says nothing; it lets the partial index of open rows serve, instead of 30 days of done ones.
        { $match: { state: 'open', checkAt: { $gte: new Date(0) } } },
        { $group: { _id: '$queue', count: { $sum: 1 } } }
      ]).toArray()
      return new Map(counts.map(({ _id, count }) => [_id, count]))
    }
  }
}

const nowPlus = (ms: number): Document => ({ $add: ['$$NOW', literally(ms)] })
