/** Resets of lost factors: on the owner's own row, so that a proof, a reset and an enrolment at the same time come after one another. */
import { exactly, literally, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

export interface FactorReset {
  readonly id: string
  readonly askedAt: Date
  readonly dueAt: Date
}

interface OwnerWithReset {
  readonly _id: string
  readonly wiped_at?: Date
  readonly reset?: { readonly id: string, readonly asked_at: Date, readonly due_at: Date, readonly done_at?: Date }
}

export const factorResetIndexes: readonly IndexSpec[] = [
  { collection: 'factor_owners', name: 'resets', key: { 'reset.due_at': 1 }, partialFilterExpression: { 'reset.due_at': { $type: 'date' } } }
]

export type FactorResetRepository = ReturnType<typeof createFactorResetRepository>

export function createFactorResetRepository (db: Db) {
  const owners = db.collection<OwnerWithReset>('factor_owners')
  const factors = db.collection<{ readonly user_id: string, readonly address?: string }>('factors')
  const alive = (userId: string) => ({ _id: exactly(userId), wiped_at: { $exists: false } })

  return {
    async pendingOf (userId: string): Promise<FactorReset | undefined> {
      const owner = await owners.findOne(alive(userId))
      return owner?.reset === undefined ? undefined : toReset(owner.reset)
    },

    /** @returns the one that waits already, where there is one; undefined when the user has no factors */
    async begin (userId: string, resetId: string, delaySeconds: number, transaction: Transaction): Promise<FactorReset | undefined> {
      const fresh = { id: literally(resetId), asked_at: '$$NOW', due_at: { $add: ['$$NOW', literally(delaySeconds * 1_000)] } }
      const owner = await owners.findOneAndUpdate(alive(userId), [{ $set: { reset: { $ifNull: ['$reset', fresh] } } }], { returnDocument: 'after', session: transaction })
      return owner?.reset === undefined ? undefined : toReset(owner.reset)
    },

    async anyPendingOf (userIds: readonly string[], transaction: Transaction): Promise<boolean> {
      return await owners.findOne({ _id: { $in: [...userIds] }, reset: { $exists: true } }, { projection: { _id: 1 }, session: transaction }) !== null
    },

    /** @returns the one that will not be; undefined when none waited */
    async cancel (userId: string, transaction: Transaction): Promise<FactorReset | undefined> {
      const owner = await owners.findOneAndUpdate({ ...alive(userId), reset: { $exists: true } }, { $unset: { reset: '' } }, { returnDocument: 'before', session: transaction })
      return owner?.reset === undefined ? undefined : toReset(owner.reset)
    },

    /** Those whose time has come, by the database's clock. */
    async due (limit: number): Promise<{ userId: string, resetId: string }[]> {
      const found = await owners.find({ 'reset.due_at': { $type: 'date' }, wiped_at: { $exists: false }, $expr: { $lte: ['$reset.due_at', '$$NOW'] } }).limit(limit).toArray()
      return found.flatMap(({ _id: userId, reset }) => reset === undefined ? [] : [{ userId, resetId: reset.id }])
    },

    /** The factors and their root go. @returns when; undefined, and nothing is changed, when it was cancelled or done meanwhile */
    async apply (userId: string, resetId: string, transaction: Transaction): Promise<Date | undefined> {
      const due = { ...alive(userId), 'reset.id': exactly(resetId), $expr: { $lte: ['$reset.due_at', '$$NOW'] } }
      const owner = await owners.findOneAndUpdate(due, [{ $set: { 'reset.done_at': '$$NOW' } }], { returnDocument: 'after', session: transaction })
      if (owner === null) return undefined
      await owners.deleteOne({ _id: exactly(userId) }, { session: transaction })
      await factors.deleteMany({ user_id: exactly(userId) }, { session: transaction })
      return owner.reset?.done_at
    },

    /** Where codes go now. */
    async addressesOf (userId: string, transaction?: Transaction): Promise<string[]> {
      const all = await factors.find({ user_id: exactly(userId), address: { $type: 'string' } }, { ...transaction !== undefined && { session: transaction } }).toArray()
      return all.flatMap(({ address }) => address ?? [])
    }
  }
}

const toReset = ({ id, asked_at: askedAt, due_at: dueAt }: NonNullable<OwnerWithReset['reset']>): FactorReset => ({ id, askedAt, dueAt })
