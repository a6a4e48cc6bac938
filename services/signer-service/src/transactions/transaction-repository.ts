import { exactly, inOneBatch, literally, type IndexSpec } from '@countersign/mongo'
import type { TransactionState } from '@countersign/contracts'
import { lowestId } from '@countersign/runtime'
import type { Collection, Db, Document, Filter } from 'mongodb'
import type { Unit } from '../unit.ts'
import { countersignedIndexes, createCountersignedRepository, nothingWanted, type KeptRow, type MoveOf, type New } from './countersigned-repository.ts'
import { assertMove } from './moves.ts'
import { inFlightStates, toldFields, type MovingTransaction, type Transaction } from './transaction.ts'

type TransactionRow = Omit<Transaction, 'id'> & { readonly _id: string }
type MovingRow = Omit<MovingTransaction, 'id'> & { readonly _id: string }

export const transactionIndexes: readonly IndexSpec[] = [
  ...countersignedIndexes('transactions'),
  { collection: 'transactions', name: 'one_per_nonce', key: { chainId: 1, walletId: 1, nonce: 1 }, unique: true, partialFilterExpression: { nonce: { $gte: 0 } } },
  { collection: 'transactions', name: 'newest_by_wallet', key: { initiator: 1, walletId: 1, _id: -1 } },
  { collection: 'transactions', name: 'newest_by_chain', key: { initiator: 1, chainId: 1, _id: -1 } },
  // Of the other states there are either few at a time, which by_state_and_end finds, or so many that reading from the newest one finds them.
  { collection: 'transactions', name: 'newest_by_rare_end', key: { initiator: 1, state: 1, _id: -1 }, partialFilterExpression: { state: { $in: ['rejected', 'cancelled', 'expired', 'failed'] } } },
  { collection: 'transactions', name: 'newest_by_destination', key: { initiator: 1, destinations: 1, _id: -1 } },
  { collection: 'transactions', name: 'queue_of_lane', key: { chainId: 1, walletId: 1, state: 1, priority: -1, approvedAt: 1, _id: 1 } }
]

/** Fields of a new row; the rest is stamped or empty. */
export type NewTransaction = Pick<Transaction, 'id' | 'initiator' | 'idempotencyKey' | 'fingerprint' | 'requestId' | 'walletId' | 'chainId' | 'from' | 'kind' | 'to' | 'value' | 'data' | 'errors' | 'dataHash' | 'destinations' | 'speed' | 'priority' | 'metadata' | 'maxFeeTotal' | 'policy' | 'confirmation'>

/** Of a list; what is undefined narrows nothing. */
export interface TransactionFilter {
  readonly state: TransactionState | undefined
  readonly walletId: string | undefined
  readonly chainId: number | undefined
  /** EIP-55. */
  readonly destination: string | undefined
  /** By the database's clock, that one included. */
  readonly since: Date | undefined
  /** That one not included. */
  readonly until: Date | undefined
}

/** The clock of whoever made an id and the database's are never this far apart. */
const clocksApartMs = 24 * 3_600_000

export interface LaneKey { readonly chainId: number, readonly walletId: string }

const workStates = ['approved', ...inFlightStates, 'mined'] as const satisfies readonly TransactionState[]
const untold = Object.fromEntries(toldFields.map((field) => [field, 0]))
const unfinished: readonly TransactionState[] = ['received', 'awaiting_confirmation', ...workStates]

export type TransactionRepository = ReturnType<typeof createTransactionRepository>

export function createTransactionRepository (db: Db) {
  const transactions = db.collection<TransactionRow>('transactions')
  const countersigned = createCountersignedRepository<Transaction>({
    rows: transactions as unknown as Collection<KeptRow>,
    toNoun: (row) => toTransaction(row as unknown as TransactionRow),
    assertMove,
    empty: { nonce: null, gas: null, cancellation: null, speedUp: null, mined: null },
    unfinished,
    done: 'confirmed'
  })

  const listIn = async ({ chainId, walletId }: LaneKey, states: readonly TransactionState[]): Promise<MovingTransaction[]> =>
    (await transactions.find<MovingRow>({ chainId, walletId, state: { $in: [...states] } }, { sort: { nonce: 1 }, projection: untold }).toArray()).map(toMoving)

  return {
    ...countersigned,

    insert: async (one: New<NewTransaction>, unit: Unit): Promise<Transaction> => await countersigned.insert(one, unit),
    draft: (one: New<NewTransaction>, at: Date): Transaction => countersigned.draft(one, at),

    /** Many moves of different rows, as `move` makes each of them, in three round trips. @returns when those that moved did, by id. */
    async moveAll (moves: readonly MoveOf[], unit: Unit): Promise<ReadonlyMap<string, Date>> {
      const { session } = unit
      // A bulk write only says how many it changed. In the one snapshot, what stood as its move wants it and stands there afterwards was moved here.
      const stood = await countersigned.standing(moves, unit)
      if (stood.size === 0) return new Map()
      const made = moves.filter(({ id }) => stood.has(id))
      await transactions.bulkWrite(made.map((move) => ({ updateOne: { filter: countersigned.filterOf(move.id, move) as Filter<TransactionRow>, update: [countersigned.updateOf(move)] } })), { ordered: false, session })
      const rows = await transactions.find({ _id: { $in: [...stood] } }, { session, projection: { state: 1, updatedAt: 1 }, ...inOneBatch }).toArray()
      const to = new Map(made.map((move) => [move.id, move.to]))
      return new Map(rows.filter(({ _id, state }) => to.get(_id) === state).map(({ _id, updatedAt }) => [_id, updatedAt]))
    },

    /** Of mined rows, as of the newest block. */
    async setConfirmations (ids: readonly string[], confirmations: number, unit: Unit): Promise<void> {
      await transactions.updateMany({ _id: { $in: [...ids] }, state: 'mined' }, [{ $set: { 'mined.confirmations': literally(confirmations), updatedAt: '$$NOW' } }], { session: unit.session })
    },

    /** What is signed and in no block shall be cancelled. @returns undefined when it is in another state, or shall be already. */
    async askCancel (id: string, by: string, unit: Unit): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate(
        { _id: exactly(id), state: { $in: ['signed', 'broadcast'] }, cancellation: null },
        [{ $set: { cancellation: { by: literally(by), at: '$$NOW' }, updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return row === null ? undefined : toTransaction(row)
    },

    /** The same for its fees. @returns undefined when it shall be cancelled, too, or when its fees shall be raised over that attempt already. */
    async askSpeedUp (id: string, over: string, by: string, unit: Unit): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate(
        { _id: exactly(id), state: { $in: ['signed', 'broadcast'] }, cancellation: null, 'speedUp.over': { $ne: over } },
        [{ $set: { speedUp: { over: literally(over), by: literally(by), at: '$$NOW' }, updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return row === null ? undefined : toTransaction(row)
    },

    /** Newest first. @param before id of the last one of the page before. */
    async listOf (initiator: string, { limit, before, ...narrowed }: TransactionFilter & { readonly limit: number, readonly before: string | undefined }): Promise<Transaction[]> {
      const { state, walletId, chainId, destination, since, until } = narrowed
      // Ids sort by the time at which they were made, so these bounds spare reading all others.
      const [first, last] = [since && lowestId('tx', since.getTime() - clocksApartMs), until && lowestId('tx', until.getTime() + clocksApartMs)]
      const below = last !== undefined && (before === undefined || last < before) ? last : before
      const filter: Document = {
        initiator: exactly(initiator),
        ...(first ?? below) !== undefined && { _id: { ...first !== undefined && { $gte: first }, ...below !== undefined && { $lt: below } } },
        ...state !== undefined && { state: exactly(state) },
        ...walletId !== undefined && { walletId: exactly(walletId) },
        ...chainId !== undefined && { chainId: exactly(chainId) },
        ...destination !== undefined && { destinations: exactly(destination) },
        ...(since ?? until) !== undefined && { createdAt: { ...since !== undefined && { $gte: since }, ...until !== undefined && { $lt: until } } }
      }
      return (await transactions.find(filter as Filter<TransactionRow>, { sort: { _id: -1 }, limit }).toArray()).map(toTransaction)
    },

    /** Wei that the transactions at these nonces may have taken in all. */
    async promisedAt ({ chainId, walletId }: LaneKey, nonces: readonly number[]): Promise<bigint> {
      const rows = transactions.find({ chainId, walletId, nonce: { $in: [...nonces] } }, { projection: { value: 1, maxFeeTotal: 1 } })
      let sum = 0n
      for await (const { value, maxFeeTotal } of rows) sum += BigInt(value) + BigInt(maxFeeTotal)
      return sum
    },

    /** The accounts that these transactions call or pay, by their ids. */
    async calledBy (ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
      return new Map((await transactions.find({ _id: { $in: [...ids] } }, { projection: { to: 1 } }).toArray()).map(({ _id, to }) => [_id, to]))
    },

    /** How many of a wallet may still move. */
    async unfinishedFrom (walletId: string): Promise<number> {
      return await transactions.countDocuments({ walletId: exactly(walletId), state: { $in: unfinished } })
    },

    /** Lanes that have something to send or to watch. */
    async lanesWithWork (): Promise<LaneKey[]> {
      const groups = await transactions.aggregate<{ _id: LaneKey }>([
        { $match: { state: { $in: [...workStates] } } },
        { $group: { _id: { chainId: '$chainId', walletId: '$walletId' } } }
      ]).toArray()
      return groups.map(({ _id }) => _id)
    },

    async hasWork ({ chainId, walletId }: LaneKey): Promise<boolean> {
      return await transactions.findOne({ chainId, walletId, state: { $in: [...workStates] } }, { projection: { _id: 1 } }) !== null
    },

    /** The highest priority first, and of those the oldest approval; read as far as they are asked for. */
    async * approvedIn ({ chainId, walletId }: LaneKey): AsyncGenerator<MovingTransaction, void, undefined> {
      const rows = transactions.find<MovingRow>({ chainId, walletId, state: 'approved', $expr: { $gt: ['$validUntil', '$$NOW'] } }, { sort: { priority: -1, approvedAt: 1, _id: 1 }, batchSize: 32, limit: 1_024, projection: untold })
      for await (const row of rows) yield toMoving(row)
    },

    /** What holds a nonce and is in no block, by nonce. */
    inFlightIn: (key: LaneKey) => listIn(key, inFlightStates),
    /** What is in a block and not final, by nonce. */
    minedIn: (key: LaneKey) => listIn(key, ['mined']),

    async atNonce ({ chainId, walletId }: LaneKey, nonce: number): Promise<Transaction | undefined> {
      const row = await transactions.findOne({ chainId, walletId, nonce: exactly(nonce) } as Filter<TransactionRow>)
      return row === null ? undefined : toTransaction(row)
    }
  }
}

/** What a row has not that was written when transactions were transfers of coins. */
const coinsOnly = ({ to }: Pick<Transaction, 'to'>) => ({ kind: 'native', data: '0x', errors: [], destinations: [to], speed: 'average', priority: 0, metadata: {} }) as const

/** Nor when nobody could change his mind. */
const neverChanged = { cancellation: null, speedUp: null } as const

const toTransaction = ({ _id, ...rest }: TransactionRow): Transaction => ({ id: _id, ...nothingWanted, ...neverChanged, ...coinsOnly(rest), ...rest })
const toMoving = ({ _id, ...rest }: MovingRow): MovingTransaction => ({ id: _id, ...nothingWanted, ...neverChanged, ...coinsOnly(rest), ...rest })
