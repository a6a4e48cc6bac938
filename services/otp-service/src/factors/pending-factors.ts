/** Factors that wait for their first proof. They stand apart from those that count, so that nothing which lists or asks factors meets one. */
import { exactly, literally, type IndexSpec } from '@countersign/mongo'
import type { Db, Document } from 'mongodb'
import type { Transaction } from '../transaction.ts'

export interface PendingFactor {
  /** Of the factor to be. */
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  /** Of the factors there were, one of which proved that this may be added; null for a first factor. */
  readonly factorRoot: string | null
  /** The factor that proved it. It must still be there when this one comes to count. */
  readonly provedBy: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Before the database has stamped it. */
export type NewPending<Own> = Own & Omit<PendingFactor, 'createdAt' | 'expiresAt'> & { readonly commandId: string }

export interface PendingKind<Own> {
  readonly collection: string
  /** Of the unique index by which a repeated command begins nothing twice. */
  readonly onePerCommand: string
  /** What this kind keeps beside. */
  readonly toRow: (own: Own) => Document
  readonly fromRow: (row: Document) => Own
}

export const pendingIndexes = ({ collection, onePerCommand }: Pick<PendingKind<never>, 'collection' | 'onePerCommand'>): readonly IndexSpec[] => [
  { collection, name: onePerCommand, key: { command_id: 1 }, unique: true },
  { collection, name: 'by_user', key: { user_id: 1 } },
  { collection, name: 'expiry', key: { expires_at: 1 }, expireAfterSeconds: 0 }
]

interface Row extends Document {
  readonly _id: string
  readonly user_id: string
  readonly session_id: string
  readonly command_id: string
  readonly factor_root: string | null
  readonly proved_by: string | null
  readonly created_at: Date
  readonly expires_at: Date
}

export const alive = { $expr: { $gt: ['$expires_at', '$$NOW'] } }

export type PendingFactors<Own> = ReturnType<typeof createPendingFactors<Own>>

export function createPendingFactors<Own> (db: Db, { collection, toRow, fromRow }: PendingKind<Own>) {
  const rows = db.collection<Row>(collection)
  const read = (row: Row): Own & PendingFactor => ({
    ...fromRow(row),
    id: row._id,
    userId: row.user_id,
    sessionId: row.session_id,
    factorRoot: row.factor_root,
    provedBy: row.proved_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at
  })

  return {
    async findByCommand (userId: string, sessionId: string, commandId: string): Promise<(Own & PendingFactor) | undefined> {
      const found = await rows.findOne({ command_id: exactly(commandId), user_id: exactly(userId), session_id: exactly(sessionId) })
      return found === null ? undefined : read(found)
    },

    /** What this session began before goes. A duplicate of the command ends the transaction. */
    async begin (pending: NewPending<Own>, ttlSeconds: number, transaction: Transaction): Promise<Own & PendingFactor> {
      const { id, userId, sessionId, commandId, factorRoot, provedBy } = pending
      await rows.deleteMany({ user_id: exactly(userId), session_id: exactly(sessionId), command_id: { $ne: commandId } }, { session: transaction })
      const found = await rows.findOneAndUpdate({ _id: exactly(id) }, [{
        $replaceWith: {
          $mergeObjects: [
            literally({ ...toRow(pending), _id: id, user_id: userId, session_id: sessionId, command_id: commandId, factor_root: factorRoot, proved_by: provedBy }),
            { created_at: '$$NOW', expires_at: { $add: ['$$NOW', ttlSeconds * 1_000] } }
          ]
        }
      }], { upsert: true, returnDocument: 'after', session: transaction })
      if (found === null) throw new Error('the factor to be was not written')
      return read(found)
    },

    /** With the database's time. Undefined when it is none of this session, or over. */
    async find (id: string, userId: string, sessionId: string): Promise<{ readonly pending: Own & PendingFactor, readonly now: Date } | undefined> {
      const [found] = await rows.aggregate<Row & { readonly now: Date }>([
        { $match: { _id: exactly(id), user_id: exactly(userId), session_id: exactly(sessionId), ...alive } }, { $set: { now: '$$NOW' } }
      ]).toArray()
      return found === undefined ? undefined : { pending: read(found), now: found.now }
    },

    /** Uses it up: true for exactly one caller, and for none after its end. */
    async finish (id: string, transaction: Transaction): Promise<boolean> {
      return (await rows.deleteOne({ _id: exactly(id), ...alive }, { session: transaction })).deletedCount === 1
    },

    /** With the account. */
    async forget (userId: string, transaction: Transaction): Promise<void> {
      await rows.deleteMany({ user_id: exactly(userId) }, { session: transaction })
    }
  }
}
