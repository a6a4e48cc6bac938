/**
 * Counts of codes that outlive them. A challenge is counted once, in the transaction that marks it, and MongoDB removes only what is marked:
 * the TTL index is on the mark. So a report is the sum of what was counted and of what is still there unmarked, read at one moment, and is
 * exact however late the counting is. Counting at each event would need the same mark against repetition, and more writes in every answer.
 */
import type { IndexSpec } from '@countersign/mongo'
import type { Db, Document } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import { tally, type CodeRow, type Tally } from './tally.ts'

interface Source {
  readonly collection: 'challenges' | 'mailbox_challenges'
  /** The field of its end. */
  readonly ends: 'expires_at' | 'ends_at'
  /** How long after its end it is kept for whoever asks what happened. */
  readonly keptSeconds: number
}

export const tallySources: readonly Source[] = Object.freeze([
  { collection: 'challenges', ends: 'expires_at', keptSeconds: 7 * 86_400 },
  // Anybody may type in anybody's address: it is kept no longer than its owner may ask what it was about.
  { collection: 'mailbox_challenges', ends: 'ends_at', keptSeconds: 86_400 }
])

export const tallyIndexes: readonly IndexSpec[] = tallySources.flatMap(({ collection, ends }): IndexSpec[] => [
  { collection, name: 'uncounted', key: { [ends]: 1 }, partialFilterExpression: { counted_at: null } },
  { collection, name: 'removal', key: { counted_at: 1 }, expireAfterSeconds: 0 }
])

interface DayDocument extends Omit<Tally, 'pending' | 'hours'> {
  /** `day:purpose` */
  readonly _id: string
  readonly hours: Readonly<Record<string, number>>
}

interface FoundRow {
  readonly _id: string
  readonly purpose: string
  readonly created_at: Date
  readonly last_sent_at: Date
  readonly consumed_at: Date | null
  readonly was_sent: boolean
  readonly is_pending: boolean
}

export type TallyRepository = ReturnType<typeof createTallyRepository>

export function createTallyRepository (db: Db) {
  const days = db.collection<DayDocument>('otp_days')
  const within = (transaction: Transaction) => ({ session: transaction })
  const rowsOf = ({ collection, ends }: Source, match: Document[], transaction: Transaction) => db.collection(collection).aggregate<FoundRow>([
    ...match,
    {
      $project: {
        purpose: 1, created_at: 1, last_sent_at: 1, consumed_at: 1,
        was_sent: { $and: [{ $gt: ['$sends', 0] }, { $ne: ['$deliver', false] }] },
        is_pending: { $and: [{ $eq: ['$consumed_at', null] }, { $eq: ['$cancelled_at', null] }, { $gt: ['$attempts_left', 0] }, { $gt: [`$${ends}`, '$$NOW'] }] }
      }
    }
  ], within(transaction))
  const endedFor = ({ ends, keptSeconds }: Source, seconds = keptSeconds): Document => ({ counted_at: null, $expr: { $lt: [`$${ends}`, { $subtract: ['$$NOW', seconds * 1_000] }] } })

  return {
    /** @returns how many were counted; fewer than the limit: there are no more */
    async countSome (source: Source, limit: number, transaction: Transaction): Promise<number> {
      const rows = await rowsOf(source, [{ $match: endedFor(source) }, { $limit: limit }], transaction).toArray()
      for (const { day, purpose, generated, verified, verifyMs, hours } of tally(toCodes(rows))) {
        const inHours = Object.fromEntries(hours.flatMap((count, hour) => count === 0 ? [] : [[`hours.${hour}`, count]]))
        await days.updateOne({ _id: `${day}:${purpose}` }, { $setOnInsert: { day, purpose }, $inc: { generated, verified, verifyMs, ...inHours } }, { upsert: true, ...within(transaction) })
      }
      if (rows.length > 0) await db.collection<FoundRow>(source.collection).updateMany({ _id: { $in: rows.map(({ _id }) => _id) } }, [{ $set: { counted_at: '$$NOW' } }], within(transaction))
      return rows.length
    },

    /** All that was asked for from the first day to before the second, counted and not. */
    async between (from: Date, to: Date, transaction: Transaction): Promise<Tally[]> {
      const counted = await days.find({ day: { $gte: from.toISOString().slice(0, 10), $lt: to.toISOString().slice(0, 10) } }, within(transaction)).toArray()
      const still: Tally[] = []
      for (const source of tallySources) {
        still.push(...tally(toCodes(await rowsOf(source, [{ $match: { counted_at: null, created_at: { $gte: from, $lt: to } } }], transaction).toArray())))
      }
      return [...counted.map(toTally), ...still]
    },

    /** Those that should have been counted a day ago. */
    async countOverdue (): Promise<number> {
      const found = await Promise.all(tallySources.map((source) => db.collection(source.collection).countDocuments(endedFor(source, source.keptSeconds + 86_400))))
      return found.reduce((sum, count) => sum + count, 0)
    }
  }
}

const toCodes = (rows: readonly FoundRow[]): CodeRow[] => rows.filter(({ was_sent: wasSent }) => wasSent).map((row) => ({
  purpose: row.purpose, createdAt: row.created_at, lastSentAt: row.last_sent_at, consumedAt: row.consumed_at, isPending: row.is_pending
}))

const toTally = ({ day, purpose, generated, verified, verifyMs, hours }: DayDocument): Tally =>
  ({ day, purpose, generated, verified, verifyMs, pending: 0, hours: Array.from({ length: 24 }, (_, hour) => hours[hour] ?? 0) })
