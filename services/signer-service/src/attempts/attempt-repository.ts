import { exactly, type IndexSpec } from '@countersign/mongo'
import type { Db, Filter } from 'mongodb'
import { insertAllStamped } from '../insert-stamped.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'
import type { Unit } from '../unit.ts'
import type { Attempt } from './attempt.ts'

type AttemptRow = Omit<Attempt, 'hash'> & { readonly _id: string }

/** An attempt with its ages by the database's clock. */
export type AgedAttempt = Attempt & { readonly ageMs: number, readonly sinceSentMs: number | null }

export const attemptIndexes: readonly IndexSpec[] = [
  { collection: 'attempts', name: 'one_per_nonce_and_sequence', key: { chainId: 1, walletId: 1, nonce: 1, sequence: 1 }, unique: true },
  { collection: 'attempts', name: 'by_transaction', key: { txId: 1, nonce: 1, sequence: 1 } },
  { collection: 'attempts', name: 'open_fillers', key: { chainId: 1, walletId: 1, nonce: 1 }, partialFilterExpression: { kind: 'noop', state: { $in: ['stored', 'sent'] } } }
]

export type AttemptRepository = ReturnType<typeof createAttemptRepository>

export function createAttemptRepository (db: Db) {
  const attempts = db.collection<AttemptRow>('attempts')
  const setState = async (filter: Filter<AttemptRow>, state: Attempt['state'], unit: Unit): Promise<void> => {
    await attempts.updateMany(filter, { $set: { state } }, { session: unit.session })
  }

  return {
    /** @throws MongoServerError (isDuplicateKey) when a nonce has a payload of that sequence. */
    async insertAll (rows: readonly Omit<Attempt, 'createdAt' | 'lastSentAt' | 'state'>[], unit: Unit): Promise<void> {
      if (rows.length > 0) await insertAllStamped(attempts, rows.map(({ hash, ...fields }) => ({ id: hash, ...fields, state: 'stored', lastSentAt: null })), unit.session)
    },

    /** In the order in which they were made. */
    async ofTransaction (txId: string): Promise<Attempt[]> {
      return (await attempts.find({ txId: exactly(txId) }, { sort: { createdAt: 1, nonce: 1, sequence: 1 } }).toArray()).map(toAttempt)
    },

    /** Every payload at those nonces, by nonce and sequence. */
    async atNonces ({ chainId, walletId }: LaneKey, nonces: readonly number[]): Promise<AgedAttempt[]> {
      const rows = await attempts.aggregate<AttemptRow & { ageMs: number, sinceSentMs: number | null }>([
        { $match: { chainId, walletId, nonce: { $in: [...nonces] } } },
        { $sort: { nonce: 1, sequence: 1 } },
        { $set: { ageMs: { $subtract: ['$$NOW', '$createdAt'] }, sinceSentMs: { $subtract: ['$$NOW', '$lastSentAt'] } } }
      ]).toArray()
      return rows.map(({ _id, ...rest }) => ({ hash: _id, ...rest }))
    },

    /** Which of these hashes are payloads of ours, and of which transactions. */
    async known (hashes: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
      return new Map((await attempts.find({ _id: { $in: [...hashes] } }, { projection: { txId: 1 } }).toArray()).map(({ _id, txId }) => [_id, txId]))
    },

    /** Nonces of no-ops without a transaction that are not known to be mined. */
    async openFillers ({ chainId, walletId }: LaneKey): Promise<number[]> {
      return await attempts.distinct('nonce', { chainId, walletId, kind: 'noop', txId: null, state: { $in: ['stored', 'sent'] } })
    },

    async lanesWithFillers (): Promise<LaneKey[]> {
      const groups = await attempts.aggregate<{ _id: LaneKey }>([
        { $match: { kind: 'noop', txId: null, state: { $in: ['stored', 'sent'] } } },
        { $group: { _id: { chainId: '$chainId', walletId: '$walletId' } } }
      ]).toArray()
      return groups.map(({ _id }) => _id)
    },

    /** @param accepted the node said it has them; else only the time of the try is kept. */
    async markTried (hashes: readonly string[], accepted: boolean, unit: Unit): Promise<void> {
      if (hashes.length === 0) return
      await attempts.updateMany({ _id: { $in: [...hashes] } }, [{ $set: {
        lastSentAt: '$$NOW',
        ...accepted && { state: { $cond: [{ $eq: ['$state', 'stored'] }, 'sent', '$state'] } }
      } }], { session: unit.session })
    },

    /** At each of these nonces one payload is in a block: the others can never be. @param mined its hash by nonce. */
    async settleNonces ({ chainId, walletId }: LaneKey, mined: ReadonlyMap<number, string>, unit: Unit): Promise<void> {
      const hashes = [...mined.values()]
      await setState({ chainId, walletId, nonce: { $in: [...mined.keys()] }, _id: { $nin: hashes } } as Filter<AttemptRow>, 'replaced', unit)
      await setState({ _id: { $in: hashes } }, 'mined', unit)
    },

    /** The block is gone: every payload at this nonce is possible again. */
    async reviveNonce ({ chainId, walletId }: LaneKey, nonce: number, unit: Unit): Promise<void> {
      await setState({ chainId, walletId, nonce, state: { $in: ['mined', 'replaced'] } }, 'sent', unit)
    },

    async bury ({ chainId, walletId }: LaneKey, nonce: number, unit: Unit): Promise<void> {
      await setState({ chainId, walletId, nonce }, 'dead', unit)
    }
  }
}

const toAttempt = ({ _id, ...rest }: AttemptRow): Attempt => ({ hash: _id, ...rest })
