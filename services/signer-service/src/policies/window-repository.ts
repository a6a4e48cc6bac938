/** One document per window and subject, changed only as it was read: of two that read the same, one writes and the other decides again. */
import { exactly, inOneBatch, isDuplicateKey, type IndexSpec } from '@countersign/mongo'
import { MongoError, MongoErrorLabel, type Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import { bucketAt, heldIn, lifeMs, withAmount, withoutAmount, type Bucket } from './window-buckets.ts'
import type { Reservation } from './windows.ts'

interface WindowRow {
  readonly _id: string
  readonly seconds: number
  readonly buckets: readonly Bucket[]
  readonly revision: number
  /** When all of it has left the window. */
  readonly endsAt: Date
}

/** As it is kept with the transaction, to be given back. */
export interface ReservedEntry { readonly key: string, readonly bucket: number, readonly amount: string }

/** What was read, at one moment. */
export interface HeldWindows {
  readonly at: Date
  /** 0 for a window that holds nothing. */
  readonly used: (key: string) => bigint
  readonly rows: ReadonlyMap<string, WindowRow>
}

export const windowIndexes: readonly IndexSpec[] = [
  { collection: 'windows', name: 'left', key: { endsAt: 1 }, expireAfterSeconds: 3_600 }
]

export type WindowRepository = ReturnType<typeof createWindowRepository>

export function createWindowRepository (db: Db) {
  const windows = db.collection<WindowRow>('windows')

  const read = async (keys: readonly string[], unit?: Unit): Promise<ReadonlyMap<string, WindowRow>> => keys.length === 0
    ? new Map()
    : new Map((await windows.find({ _id: { $in: [...keys] } }, { ...unit && { session: unit.session }, ...inOneBatch }).toArray()).map((row) => [row._id, row]))

  /** @throws an error upon which the unit is run again, when somebody else changed the window since it was read. */
  const write = async (key: string, before: WindowRow | undefined, fields: Pick<WindowRow, 'seconds' | 'buckets' | 'endsAt'>, unit: Unit): Promise<void> => {
    try {
      if (before === undefined) {
        await windows.insertOne({ _id: key, revision: 1, ...fields }, { session: unit.session })
        return
      }
      const { modifiedCount } = await windows.updateOne({ _id: exactly(key), revision: exactly(before.revision) }, { $set: { ...fields, revision: before.revision + 1 } }, { session: unit.session })
      if (modifiedCount !== 1) throw changedMeanwhile()
    } catch (error) {
      throw isDuplicateKey(error) ? changedMeanwhile() : error
    }
  }

  return {
    /** @param at the database's time. */
    async held (keys: readonly string[], at: Date, unit?: Unit): Promise<HeldWindows> {
      const rows = await read(keys, unit)
      return {
        at,
        rows,
        used: (key) => {
          const row = rows.get(key)
          return row === undefined ? 0n : heldIn(row.buckets, row.seconds, at)
        }
      }
    },

    /** @param held what the decision in this very unit was made from. */
    async reserve (reservations: readonly Reservation[], { rows, at }: HeldWindows, unit: Unit): Promise<ReservedEntry[]> {
      const entries: ReservedEntry[] = []
      // In one order, so that two that want the same windows meet at the first of them.
      for (const { key, seconds, amount } of [...reservations].sort((a, b) => a.key < b.key ? -1 : 1)) {
        const before = rows.get(key)
        await write(key, before, { seconds, buckets: withAmount(before?.buckets ?? [], seconds, at, amount), endsAt: endOf(seconds, at) }, unit)
        entries.push({ key, bucket: bucketAt(seconds, at), amount: amount.toString() })
      }
      return entries
    },

    /** Puts these buckets in the place of those that were read in this very unit. */
    async replace (changed: ReadonlyMap<string, { readonly seconds: number, readonly buckets: readonly Bucket[] }>, { rows, at }: HeldWindows, unit: Unit): Promise<void> {
      for (const [key, { seconds, buckets }] of [...changed].sort(([a], [b]) => a < b ? -1 : 1)) await write(key, rows.get(key), { seconds, buckets, endsAt: endOf(seconds, at) }, unit)
    },

    async giveBack (entries: readonly ReservedEntry[], unit: Unit): Promise<void> {
      const rows = await read(entries.map(({ key }) => key), unit)
      for (const { key, bucket, amount } of entries) {
        const row = rows.get(key)
        if (row !== undefined) await write(key, row, { seconds: row.seconds, endsAt: row.endsAt, buckets: withoutAmount(row.buckets, bucket, BigInt(amount)) }, unit)
      }
    }
  }
}

const endOf = (seconds: number, at: Date): Date => new Date(at.getTime() + lifeMs(seconds))

/** The driver runs the work again, with a pause that grows, until its time is up. */
function changedMeanwhile (): MongoError {
  const error = new MongoError('a window was changed meanwhile')
  error.addErrorLabel(MongoErrorLabel.TransientTransactionError)
  return error
}
