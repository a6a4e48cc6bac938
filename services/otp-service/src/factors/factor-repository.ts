/** Factors and their owners. One e-mail factor per user, held by a unique index. */
import { isDuplicateKey } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import { AlreadyEnrolled, type Factor, type FactorOwner } from './factor.ts'

interface FactorDocument {
  readonly _id: string
  readonly user_id: string
  readonly kind: Factor['kind']
  readonly address: string
  readonly address_normalised: string
  readonly proved_at: Date
  readonly factor_root: string
}

interface OwnerDocument {
  readonly _id: string
  readonly factor_root: string
  readonly created_at: Date
  /** Somebody proved by a factor that the account may be deleted with its factors: the receipt, and when. */
  readonly wipe_proof?: { readonly receipt_id: string, readonly at: Date }
  /** Counts the transactions that came after one another. */
  readonly turns?: number
  /** The account is gone. Its row stays, so that nobody enrols a factor for this id again. */
  readonly wiped_at?: Date
}

export type FactorRepository = ReturnType<typeof createFactorRepository>

export function createFactorRepository (db: Db) {
  const factors = db.collection<FactorDocument>('factors')
  const owners = db.collection<OwnerDocument>('factor_owners')

  return {
    async ownerOf (userId: string): Promise<FactorOwner | undefined> {
      const owner = await owners.findOne({ _id: userId, wiped_at: { $exists: false } })
      return owner === null ? undefined : { userId: owner._id, factorRoot: owner.factor_root }
    },

    /** From here to the transaction's end nobody else has a turn of this owner. @returns false when there is none */
    async takeTurn (userId: string, transaction: Transaction): Promise<boolean> {
      return (await owners.updateOne({ _id: userId, wiped_at: { $exists: false } }, { $inc: { turns: 1 } }, { session: transaction })).matchedCount === 1
    },

    async emailOf (userId: string, transaction?: Transaction): Promise<Factor | undefined> {
      const found = await factors.findOne({ user_id: userId, kind: 'email_code' }, { ...transaction !== undefined && { session: transaction } })
      return found === null ? undefined : toFactor(found)
    },

    async find (userId: string, factorId: string, transaction?: Transaction): Promise<Factor | undefined> {
      const found = await factors.findOne({ _id: factorId, user_id: userId }, { ...transaction !== undefined && { session: transaction } })
      return found === null ? undefined : toFactor(found)
    },

    async listOf (userId: string, transaction?: Transaction): Promise<Factor[]> {
      return (await factors.find({ user_id: userId }, { ...transaction !== undefined && { session: transaction } }).sort({ proved_at: 1 }).toArray()).map(toFactor)
    },

    /**
     * The first factor of a user, with its owner row. Two first enrolments may race, and neither replaces the other.
     * @throws AlreadyEnrolled
     */
    async enrolFirst (factor: Factor, transaction: Transaction): Promise<void> {
      try {
        await owners.insertOne({ _id: factor.userId, factor_root: factor.factorRoot, created_at: factor.provedAt }, { session: transaction })
        await factors.insertOne(toDocument(factor), { session: transaction })
      } catch (error) {
        throw isDuplicateKey(error) ? new AlreadyEnrolled() : error
      }
    },

    /** @throws AlreadyEnrolled when the old factor is gone */
    async replace (oldId: string, factor: Factor, transaction: Transaction): Promise<void> {
      const old = await factors.findOneAndDelete({ _id: oldId, user_id: factor.userId, factor_root: factor.factorRoot }, { session: transaction })
      if (old === null) throw new AlreadyEnrolled()
      // Whoever goes on with a new factor no longer wishes the account away.
      await owners.updateOne({ _id: factor.userId }, { $unset: { wipe_proof: 1 } }, { session: transaction })
      await factors.insertOne(toDocument(factor), { session: transaction })
    },

    async noteWipeProof (userId: string, receiptId: string, transaction: Transaction): Promise<void> {
      await owners.updateOne({ _id: userId }, [{ $set: { wipe_proof: { receipt_id: { $literal: receiptId }, at: '$$NOW' } } }], { session: transaction })
    },

    /** @returns false, and changes nothing, unless a proof was noted within the last so many seconds. */
    async wipe (userId: string, withinSeconds: number, transaction: Transaction): Promise<boolean> {
      const { modifiedCount } = await owners.updateOne(
        { _id: userId, wiped_at: { $exists: false }, $expr: { $gt: ['$wipe_proof.at', { $subtract: ['$$NOW', withinSeconds * 1_000] }] } },
        [{ $set: { wiped_at: '$$NOW' } }],
        { session: transaction }
      )
      if (modifiedCount === 0) return false
      await factors.deleteMany({ user_id: userId }, { session: transaction })
      return true
    }
  }
}

const toFactor = (found: FactorDocument): Factor => ({
  id: found._id,
  userId: found.user_id,
  kind: found.kind,
  address: found.address,
  addressNormalised: found.address_normalised,
  provedAt: found.proved_at,
  factorRoot: found.factor_root
})

const toDocument = (factor: Factor): FactorDocument => ({
  _id: factor.id,
  user_id: factor.userId,
  kind: factor.kind,
  address: factor.address,
  address_normalised: factor.addressNormalised,
  proved_at: factor.provedAt,
  factor_root: factor.factorRoot
})
