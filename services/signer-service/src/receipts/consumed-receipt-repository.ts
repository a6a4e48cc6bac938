import { exactly, isDuplicateKey, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'

/** A receipt that was used up, and by what. Kept for good. */
export interface ConsumedReceipt {
  readonly id: string
  readonly challengeId: string
  readonly txId: string
  readonly createdAt: Date
}

type ConsumedReceiptRow = Omit<ConsumedReceipt, 'id'> & { readonly _id: string }

export const consumedReceiptIndexes: readonly IndexSpec[] = [
  { collection: 'consumed_receipts', name: 'one_per_challenge', key: { challengeId: 1 }, unique: true }
]

export type ConsumedReceiptRepository = ReturnType<typeof createConsumedReceiptRepository>

export function createConsumedReceiptRepository (db: Db) {
  const receipts = db.collection<ConsumedReceiptRow>('consumed_receipts')

  return {
    async find (id: string): Promise<ConsumedReceipt | undefined> {
      const row = await receipts.findOne({ _id: exactly(id) })
      if (row === null) return undefined
      const { _id, ...rest } = row
      return { id: _id, ...rest }
    },

    /** True for exactly one caller per receipt and per challenge. False: the database has aborted the unit, the caller must throw. */
    async consume ({ id, challengeId, txId }: Omit<ConsumedReceipt, 'createdAt'>, unit: Unit): Promise<boolean> {
      try {
        await insertStamped(receipts, id, { challengeId, txId }, {}, unit.session)
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    }
  }
}
