/** Who may still object to a new factor: one row for each address that was told of it, found by the HMAC of the token in that mail. */
import type { IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

interface ObjectionDocument {
  /** HMAC of the token. */
  readonly _id: string
  readonly user_id: string
  readonly factor_id: string
  readonly ends_at: Date
  readonly used_at: Date | null
}

export interface Objection { readonly userId: string, readonly factorId: string, readonly usedAt: Date }

export type ObjectionRepository = ReturnType<typeof createObjectionRepository>

const collection = 'factor_objections'
const dayInSeconds = 86_400

export const objectionIndexes: readonly IndexSpec[] = [
  { collection, name: 'of_factor', key: { factor_id: 1 } },
  { collection, name: 'expiry', key: { ends_at: 1 }, expireAfterSeconds: dayInSeconds }
]

export function createObjectionRepository (db: Db) {
  const objections = db.collection<ObjectionDocument>(collection)

  return {
    async insert ({ mac, userId, factorId, endsAt }: { readonly mac: string, readonly userId: string, readonly factorId: string, readonly endsAt: Date }, transaction: Transaction): Promise<void> {
      await objections.insertOne({ _id: mac, user_id: userId, factor_id: factorId, ends_at: endsAt, used_at: null }, { session: transaction })
    },

    /** By the database's clock. True for exactly one caller of a token. */
    async use (macs: readonly string[], transaction: Transaction): Promise<Objection | undefined> {
      const found = await objections.findOneAndUpdate(
        { _id: { $in: [...macs] }, used_at: null, $expr: { $gt: ['$ends_at', '$$NOW'] } },
        [{ $set: { used_at: '$$NOW' } }],
        { returnDocument: 'after', session: transaction }
      )
      return found?.used_at instanceof Date ? { userId: found.user_id, factorId: found.factor_id, usedAt: found.used_at } : undefined
    },

    /** Whether anybody may still object to that factor. */
    async isOpen (factorId: string, transaction?: Transaction): Promise<boolean> {
      return await objections.findOne({ factor_id: factorId, $expr: { $gt: ['$ends_at', '$$NOW'] } }, { projection: { _id: 1 }, ...transaction !== undefined && { session: transaction } }) !== null
    }
  }
}
