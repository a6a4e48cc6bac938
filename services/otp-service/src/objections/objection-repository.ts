/** Who may still object to a new factor: one row for each address that was told of it, found by the HMAC of the token in that mail. */
import type { IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

interface ObjectionDocument {
  /** HMAC of the token. */
  readonly _id: string
  readonly user_id: string
  readonly factor_id: string
  /** The mailbox that was told, while it is a factor itself. */
  readonly told_factor_id: string
  readonly ends_at: Date
  readonly used_at: Date | null
}

export interface Objection {
  readonly userId: string
  readonly factorId: string
  /** Of the mailbox that was told. */
  readonly toldFactorId: string
  readonly usedAt: Date
}

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
    async insert ({ mac, userId, factorId, toldFactorId, endsAt }: { readonly mac: string, readonly userId: string, readonly factorId: string, readonly toldFactorId: string, readonly endsAt: Date }, transaction: Transaction): Promise<void> {
      await objections.insertOne({ _id: mac, user_id: userId, factor_id: factorId, told_factor_id: toldFactorId, ends_at: endsAt, used_at: null }, { session: transaction })
    },

    /** By the database's clock. True for exactly one caller of a token. */
    async use (macs: readonly string[], transaction: Transaction): Promise<Objection | undefined> {
      const found = await objections.findOneAndUpdate(
        { _id: { $in: [...macs] }, used_at: null, $expr: { $gt: ['$ends_at', '$$NOW'] } },
        [{ $set: { used_at: '$$NOW' } }],
        { returnDocument: 'after', session: transaction }
      )
      return found?.used_at instanceof Date ? toObjection(found, found.used_at) : undefined
    },

    /** One that was used, while its time is not over: for whoever lost the reply. */
    async findUsed (macs: readonly string[]): Promise<Objection | undefined> {
      const found = await objections.findOne({ _id: { $in: [...macs] }, $expr: { $gt: ['$ends_at', '$$NOW'] } })
      return found?.used_at instanceof Date ? toObjection(found, found.used_at) : undefined
    },

    /** Whether anybody may still object to that factor. */
    async isOpen (factorId: string, transaction?: Transaction): Promise<boolean> {
      return await objections.findOne({ factor_id: factorId, $expr: { $gt: ['$ends_at', '$$NOW'] } }, { projection: { _id: 1 }, ...transaction !== undefined && { session: transaction } }) !== null
    }
  }
}

const toObjection = ({ user_id: userId, factor_id: factorId, told_factor_id: toldFactorId }: ObjectionDocument, usedAt: Date): Objection => ({ userId, factorId, toldFactorId, usedAt })
