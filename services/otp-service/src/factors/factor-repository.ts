/** Factors and their owners. One factor of each kind per user, several of a kind that has slots, held by a unique index. */
import { exactly, gather, isDuplicateKey, literally } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import { toDocument, toFactor, type FactorDocument } from './factor-document.ts'
import { AlreadyEnrolled, type EmailFactor, type Factor, type FactorOwner, type PasskeyFactor } from './factor.ts'

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

const within = (transaction: Transaction | undefined) => ({ ...transaction !== undefined && { session: transaction } })

export function createFactorRepository (db: Db) {
  const factors = db.collection<FactorDocument>('factors')
  const owners = db.collection<OwnerDocument>('factor_owners')
  const insert = async (factor: Factor, transaction: Transaction): Promise<void> => {
    try {
      await factors.insertOne(toDocument(factor), { session: transaction })
    } catch (error) {
      throw isDuplicateKey(error) ? new AlreadyEnrolled() : error
    }
  }

  const findShared = gather(async (wanted: readonly { readonly userId: string, readonly factorId: string }[]) => {
    const found = await factors.find({ _id: { $in: wanted.map(({ factorId }) => factorId) } }).toArray()
    return wanted.map(({ userId, factorId }) => {
      const own = found.find(({ _id, user_id: user }) => _id === factorId && user === userId)
      return own === undefined ? undefined : toFactor(own)
    })
  })
  const listShared = gather(async (userIds: readonly string[]) => {
    const found = await factors.find({ user_id: { $in: [...userIds] } }).sort({ proved_at: 1 }).toArray()
    return userIds.map((userId) => found.filter(({ user_id: user }) => user === userId).map((one) => toFactor(one)))
  })

  return {
    async ownerOf (userId: string, transaction?: Transaction): Promise<FactorOwner | undefined> {
      const owner = await owners.findOne({ _id: userId, wiped_at: { $exists: false } }, within(transaction))
      return owner === null ? undefined : { userId: owner._id, factorRoot: owner.factor_root }
    },

    /** From here to the transaction's end nobody else has a turn of this owner. @returns false when there is none */
    async takeTurn (userId: string, transaction: Transaction): Promise<boolean> {
      return (await owners.updateOne({ _id: userId, wiped_at: { $exists: false } }, { $inc: { turns: 1 } }, { session: transaction })).matchedCount === 1
    },

    async emailOf (userId: string, transaction?: Transaction): Promise<EmailFactor | undefined> {
      const found = await factors.findOne({ user_id: userId, kind: 'email_code' }, within(transaction))
      return found?.kind === 'email_code' ? toFactor(found) : undefined
    },

    /** Whosever it is. */
    async findPasskey (credentialId: string): Promise<PasskeyFactor | undefined> {
      const found = await factors.findOne({ kind: 'passkey', slot: exactly(credentialId) })
      return found?.kind === 'passkey' ? toFactor(found) : undefined
    },

    async find (userId: string, factorId: string, transaction?: Transaction): Promise<Factor | undefined> {
      if (transaction === undefined) return await findShared({ userId, factorId })
      const found = await factors.findOne({ _id: factorId, user_id: userId }, within(transaction))
      return found === null ? undefined : toFactor(found)
    },

    /** How many of these are there. */
    async countOf (factorIds: readonly string[], transaction: Transaction): Promise<number> {
      return await factors.countDocuments({ _id: { $in: [...factorIds] } }, { session: transaction })
    },

    async listOf (userId: string, transaction?: Transaction): Promise<Factor[]> {
      if (transaction === undefined) return await listShared(userId)
      return (await factors.find({ user_id: userId }, within(transaction)).sort({ proved_at: 1 }).toArray()).map((found) => toFactor(found))
    },

    /**
     * The first factor of a user, with its owner row. Two first enrolments may race, and neither replaces the other.
     * @throws AlreadyEnrolled
     */
    async enrolFirst (factor: Factor, transaction: Transaction): Promise<void> {
      try {
        await owners.insertOne({ _id: factor.userId, factor_root: factor.factorRoot, created_at: factor.provedAt }, { session: transaction })
      } catch (error) {
        throw isDuplicateKey(error) ? new AlreadyEnrolled() : error
      }
      await insert(factor, transaction)
    },

    /**
     * A factor beside others, whose root it has. Whoever goes on with a new factor no longer wishes the account away.
     * @throws AlreadyEnrolled when there is one of its kind, or the root is another one by now
     */
    async add (factor: Factor, transaction: Transaction): Promise<void> {
      const { matchedCount } = await owners.updateOne(living(factor), { $inc: { turns: 1 }, $unset: { wipe_proof: 1 } }, { session: transaction })
      if (matchedCount === 0) throw new AlreadyEnrolled()
      await insert(factor, transaction)
    },

    /** @throws AlreadyEnrolled when the root is another one by now */
    async renewRoot (userId: string, from: string, to: string, transaction: Transaction): Promise<void> {
      const { modifiedCount } = await owners.updateOne(living({ userId, factorRoot: from }), { $set: { factor_root: to } }, { session: transaction })
      if (modifiedCount === 0) throw new AlreadyEnrolled()
      await factors.updateMany({ user_id: userId }, { $set: { factor_root: to } }, { session: transaction })
    },

    /** @throws AlreadyEnrolled when the old factor is gone */
    async replace (oldId: string, factor: Factor, transaction: Transaction): Promise<void> {
      const old = await factors.findOneAndDelete({ _id: oldId, user_id: factor.userId, factor_root: factor.factorRoot }, { session: transaction })
      if (old === null) throw new AlreadyEnrolled()
      // Whoever goes on with a new factor no longer wishes the account away.
      await owners.updateOne({ _id: factor.userId }, { $unset: { wipe_proof: 1 } }, { session: transaction })
      await insert(factor, transaction)
    },

    /**
     * The last factor takes its root along: a factor that is enrolled afterwards is a first one, with another root.
     * @returns how many are left; undefined when it was not there.
     */
    async remove ({ id, userId, factorRoot }: Factor, transaction: Transaction): Promise<number | undefined> {
      // Two removals at once would each see the other's factor, and leave a root without any.
      await owners.updateOne(living({ userId, factorRoot }), { $inc: { turns: 1 } }, { session: transaction })
      const { deletedCount } = await factors.deleteOne({ _id: id, user_id: userId }, { session: transaction })
      if (deletedCount === 0) return undefined
      const left = await factors.countDocuments({ user_id: userId }, { session: transaction })
      if (left === 0) await owners.deleteOne(living({ userId, factorRoot }), { session: transaction })
      return left
    },

    /** Undefined when there is none with a name under that id. */
    async rename (userId: string, factorId: string, name: string): Promise<Factor | undefined> {
      const found = await factors.findOneAndUpdate({ _id: factorId, user_id: userId, kind: { $ne: 'email_code' } }, [{ $set: { name: literally(name) } }], { returnDocument: 'after' })
      return found === null ? undefined : toFactor(found)
    },

    async noteWipeProof (userId: string, receiptId: string, transaction: Transaction): Promise<void> {
      await owners.updateOne({ _id: userId }, [{ $set: { wipe_proof: { receipt_id: literally(receiptId), at: '$$NOW' } } }], { session: transaction })
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

const living = ({ userId, factorRoot }: FactorOwner) => ({ _id: userId, factor_root: factorRoot, wiped_at: { $exists: false } })
