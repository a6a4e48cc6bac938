/** Receipts of mailboxes that have done their work: each opens one door once, however often its answer is sent. */
import { isDuplicateKey, type IndexSpec, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'

interface UsedReceiptDocument {
  _id: string
  usedAt: Date
}

const monthInSeconds = 30 * 86_400

export const usedReceiptIndexes: readonly IndexSpec[] = [
  // Longer than otp-service repeats a receipt.
  { collection: 'used_receipts', name: 'expiry', key: { usedAt: 1 }, expireAfterSeconds: monthInSeconds }
]

export type UsedReceipts = ReturnType<typeof createUsedReceipts>

export function createUsedReceipts (mongo: Mongo) {
  const used = mongo.db.collection<UsedReceiptDocument>('used_receipts')

  return {
    /** @returns whether this is its first use; of several at once one is. When it is not, the transaction is over: throw out of it. */
    async use (receiptId: string, transaction: ClientSession): Promise<boolean> {
      try {
        const { upsertedCount } = await used.updateOne({ _id: receiptId }, [{ $set: { usedAt: { $ifNull: ['$usedAt', '$$NOW'] } } }], { upsert: true, session: transaction })
        return upsertedCount === 1
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    }
  }
}
