import { exactly, inOneBatch, isDuplicateKey, literally, type IndexSpec } from '@countersign/mongo'
import type { TransactionState } from '@countersign/contracts'
import type { Db, Document, Filter } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'
import type { ReservedEntry } from '../policies/window-repository.ts'
import { assertMove } from './moves.ts'
import { inFlightStates, toldFields, type Confirmation, type MovingTransaction, type Transaction } from './transaction.ts'

type TransactionRow = Omit<Transaction, 'id'> & { readonly _id: string }
type MovingRow = Omit<MovingTransaction, 'id'> & { readonly _id: string }

export const transactionIndexes: readonly IndexSpec[] = [
  // Rows are kept for good, and with them the keys: a repeat is recognised however late it comes.
  { collection: 'transactions', name: 'one_per_idempotency_key', key: { initiator: 1, idempotencyKey: 1 }, unique: true },
  { collection: 'transactions', name: 'one_per_challenge', key: { 'confirmation.challengeId': 1 }, unique: true },
  { collection: 'transactions', name: 'one_per_nonce', key: { chainId: 1, walletId: 1, nonce: 1 }, unique: true, partialFilterExpression: { nonce: { $gte: 0 } } },
  { collection: 'transactions', name: 'newest_by_user', key: { initiator: 1, _id: -1 } },
  { collection: 'transactions', name: 'newest_by_destination', key: { initiator: 1, destinations: 1, _id: -1 } },
  { collection: 'transactions', name: 'by_state_and_end', key: { state: 1, validUntil: 1 } },
  { collection: 'transactions', name: 'delayed', key: { notBefore: 1 }, partialFilterExpression: { state: 'awaiting_confirmation', notBefore: { $type: 'date' } } },
  { collection: 'transactions', name: 'gives_back', key: { 'reservation.state': 1 }, partialFilterExpression: { 'reservation.state': 'releasing' } },
  { collection: 'transactions', name: 'queue_of_lane', key: { chainId: 1, walletId: 1, state: 1, priority: -1, approvedAt: 1, _id: 1 } }
]

/** Fields of a new row; the rest is stamped or empty. */
export type NewTransaction = Pick<Transaction, 'id' | 'initiator' | 'idempotencyKey' | 'fingerprint' | 'requestId' | 'walletId' | 'chainId' | 'from' | 'kind' | 'to' | 'value' | 'data' | 'errors' | 'dataHash' | 'destinations' | 'speed' | 'priority' | 'metadata' | 'maxFeeTotal' | 'policy' | 'confirmation'>

/** What a move writes along with the state. */
export type MoveFields = Partial<Pick<Transaction, 'digest' | 'text' | 'shortText' | 'receiptId' | 'requirements' | 'missing' | 'proof' | 'notBefore' | 'reservation' | 'nonce' | 'gas' | 'mined' | 'failure'>>

export interface Move {
  readonly from: TransactionState
  readonly to: TransactionState
  readonly set?: MoveFields
  /** Only while the row is valid by the database's clock, or only once it is not. */
  readonly when?: 'valid' | 'over'
  /** Only while this challenge is the outstanding one. */
  readonly challengeId?: string
  /** Only while it holds this nonce. */
  readonly nonce?: number
}

type MoveOf = Move & { readonly id: string }

/** What waits on, with the rest of what it waits for. */
export type WaitFields = Pick<Transaction, 'requirements' | 'missing' | 'proof' | 'notBefore'>

export interface LaneKey { readonly chainId: number, readonly walletId: string }

const workStates = ['approved', ...inFlightStates, 'mined'] as const satisfies readonly TransactionState[]

const untold = Object.fromEntries(toldFields.map((field) => [field, 0]))

/** The idempotency key belongs to a transaction already. */
export class KeyTaken extends Error {
  override readonly name = 'KeyTaken'
}

export type TransactionRepository = ReturnType<typeof createTransactionRepository>

export function createTransactionRepository (db: Db) {
  const transactions = db.collection<TransactionRow>('transactions')

  const findOne = async (filter: Filter<TransactionRow>, unit?: Unit): Promise<Transaction | undefined> => {
    const row = await transactions.findOne(filter, { ...unit && { session: unit.session } })
    return row === null ? undefined : toTransaction(row)
  }

  const idsStanding = async (moves: readonly MoveOf[], unit: Unit): Promise<ReadonlySet<string>> => {
    if (moves.length === 0) return new Set()
    const rows = await transactions.find({ $or: moves.map((move) => standing(move.id, move)) } as Filter<TransactionRow>, { projection: { _id: 1 }, session: unit.session, ...inOneBatch }).toArray()
    return new Set(rows.map(({ _id }) => _id))
  }

  const listIn = async ({ chainId, walletId }: LaneKey, states: readonly TransactionState[]): Promise<MovingTransaction[]> =>
    (await transactions.find<MovingRow>({ chainId, walletId, state: { $in: [...states] } }, { sort: { nonce: 1 }, projection: untold }).toArray()).map(toMoving)

  return {
    find: (id: string, unit?: Unit) => findOne({ _id: exactly(id) }, unit),
    findByKey: (initiator: string, idempotencyKey: string) => findOne({ initiator: exactly(initiator), idempotencyKey: exactly(idempotencyKey) }),
    findByChallenge: (challengeId: string) => findOne({ 'confirmation.challengeId': exactly(challengeId) }),

    /**
     * As `received`, with its end in whole seconds: the given one, or stamped by the database's clock.
     * @throws KeyTaken when the user has a transaction under that key. The unit is lost with it: the database has aborted it.
     */
    async insert ({ id, ...fields }: NewTransaction, end: Date | { readonly ttlMs: number }, unit: Unit): Promise<Transaction> {
      const empty = { digest: '', text: '', shortText: null, firstAnswer: null, receiptId: null, ...nothingWanted, nonce: null, gas: null, cancellation: null, speedUp: null, mined: null, failure: null, approvedAt: null }
      try {
        return toTransaction(await insertStamped(transactions, id, { state: 'received', ...fields, ...empty }, {
          updatedAt: '$$NOW',
          history: [{ state: 'received', at: '$$NOW' }],
          validUntil: end instanceof Date ? literally(end) : { $dateTrunc: { date: { $add: ['$$NOW', literally(end.ttlMs)] }, unit: 'second' } }
        }, unit.session))
      } catch (error) {
        throw isDuplicateKey(error, 'one_per_idempotency_key') ? new KeyTaken() : error
      }
    },

    /**
     * Compare-and-set on the table of moves, with the history.
     * @returns undefined when the row is not (any more) as the move wants it.
     */
    async move (id: string, move: Move, unit: Unit): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate(standing(id, move), [moved(move)], { returnDocument: 'after', session: unit.session })
      return row === null ? undefined : toTransaction(row)
    },

    /** Which of these rows are as their moves want them. */
    standing: idsStanding,

    /** Many moves of different rows, as `move` makes each of them, in three round trips. @returns the rows that moved, by id. */
    async moveAll (moves: readonly MoveOf[], unit: Unit): Promise<ReadonlyMap<string, MovingTransaction>> {
      const { session } = unit
      // A bulk write only says how many it changed. In the one snapshot, what stood as its move wants it and stands there afterwards was moved here.
      const stood = await idsStanding(moves, unit)
      if (stood.size === 0) return new Map()
      const made = moves.filter(({ id }) => stood.has(id))
      await transactions.bulkWrite(made.map((move) => ({ updateOne: { filter: standing(move.id, move), update: [moved(move)] } })), { ordered: false, session })
      const rows = await transactions.find<MovingRow>({ _id: { $in: [...stood] } }, { session, projection: untold, ...inOneBatch }).toArray()
      const to = new Map(made.map((move) => [move.id, move.to]))
      return new Map(rows.filter(({ _id, state }) => to.get(_id) === state).map((row) => [row._id, toMoving(row)]))
    },

    /** What otp-service said of the outstanding challenge. @returns undefined when another one is outstanding by now. */
    async setAsked (id: string, { challengeId, asked }: Confirmation): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate(
        { _id: exactly(id), 'confirmation.challengeId': exactly(challengeId) },
        [{ $set: { 'confirmation.asked': literally(asked), updatedAt: '$$NOW' } }], { returnDocument: 'after' })
      return row === null ? undefined : toTransaction(row)
    },

    /** Puts another challenge in the place of that one. @returns undefined when the row waits for neither any more. */
    async replaceChallenge (id: string, oldChallengeId: string, fresh: Confirmation, unit: Unit): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate(
        { _id: exactly(id), state: 'awaiting_confirmation', 'confirmation.challengeId': exactly(oldChallengeId), $expr: { $gt: ['$validUntil', '$$NOW'] } },
        [{ $set: { confirmation: literally(fresh), updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return row === null ? undefined : toTransaction(row)
    },

    /** Keeps the first answer for ever. @returns the one that is kept, which may be another's. */
    async keepFirstAnswer (id: string, answer: string): Promise<string> {
      await transactions.updateOne({ _id: exactly(id), firstAnswer: null }, { $set: { firstAnswer: answer } })
      const row = await transactions.findOne({ _id: exactly(id) }, { projection: { firstAnswer: 1 } })
      return row?.firstAnswer ?? answer
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

    /** It waits on, with the rest of what it waits for. @returns undefined when it is over, or waits for nothing any more. */
    async keepWaiting (id: string, fields: WaitFields, challengeId: string | undefined, unit: Unit): Promise<Transaction | undefined> {
      const row = await transactions.findOneAndUpdate({
        _id: exactly(id), state: 'awaiting_confirmation', $expr: { $gt: ['$validUntil', '$$NOW'] }, ...challengeId !== undefined && { 'confirmation.challengeId': exactly(challengeId) }
      }, [{ $set: { ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)])), updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return row === null ? undefined : toTransaction(row)
    },

    /** Nothing but their delay is missing, and it is over by the database's clock. */
    async listDelayed (limit: number): Promise<Transaction[]> {
      return (await transactions.find({
        state: 'awaiting_confirmation', notBefore: { $type: 'date' }, missing: ['delay'], $expr: { $and: [{ $lte: ['$notBefore', '$$NOW'] }, { $gt: ['$validUntil', '$$NOW'] }] }
      }, { sort: { notBefore: 1 }, limit }).toArray()).map(toTransaction)
    },

    /** Over without having moved anything, and with room to give back. */
    async listReleasing (limit: number): Promise<Transaction[]> {
      return (await transactions.find({ 'reservation.state': 'releasing' }, { limit }).toArray()).map(toTransaction)
    },

    /** Where their room in the windows stands by now. */
    async keepEntries (entriesOf: ReadonlyMap<string, readonly ReservedEntry[]>, unit: Unit): Promise<void> {
      await transactions.bulkWrite([...entriesOf].map(([id, entries]) => ({
        updateOne: { filter: { _id: exactly(id), 'reservation.state': 'held' }, update: { $set: { 'reservation.entries': [...entries] } } }
      }) as never), { ordered: false, session: unit.session })
    },

    /** True for exactly one caller. */
    async markReleased (id: string, unit: Unit): Promise<boolean> {
      const { modifiedCount } = await transactions.updateOne({ _id: exactly(id), 'reservation.state': 'releasing' }, { $set: { 'reservation.state': 'released' } }, { session: unit.session })
      return modifiedCount === 1
    },

    /** Newest first. @param before id of the last one of the page before. */
    async listOf (initiator: string, { limit, before, state }: { readonly limit: number, readonly before?: string | undefined, readonly state?: TransactionState | undefined }): Promise<Transaction[]> {
      const filter: Document = {
        initiator: exactly(initiator),
        ...before !== undefined && { _id: { $lt: before } },
        ...state !== undefined && { state: exactly(state) }
      }
      return (await transactions.find(filter as Filter<TransactionRow>, { sort: { _id: -1 }, limit }).toArray()).map(toTransaction)
    },

    /** What may still move, or only what is in these states. */
    async unfinishedOf (initiator: string, states: readonly TransactionState[] = ['received', 'awaiting_confirmation', ...workStates]): Promise<Transaction[]> {
      return (await transactions.find({ initiator: exactly(initiator), state: { $in: [...states] } }, { sort: { _id: 1 }, limit: 1_000 }).toArray()).map(toTransaction)
    },

    /** Wei that the transactions at these nonces may have taken in all. */
    async promisedAt ({ chainId, walletId }: LaneKey, nonces: readonly number[]): Promise<bigint> {
      const rows = transactions.find({ chainId, walletId, nonce: { $in: [...nonces] } }, { projection: { value: 1, maxFeeTotal: 1 } })
      let sum = 0n
      for await (const { value, maxFeeTotal } of rows) sum += BigInt(value) + BigInt(maxFeeTotal)
      return sum
    },

    /** How many of a wallet may still move. */
    async unfinishedFrom (walletId: string): Promise<number> {
      return await transactions.countDocuments({ walletId: exactly(walletId), state: { $in: ['received', 'awaiting_confirmation', ...workStates] } })
    },

    /** Past their end by the database's clock, and without a nonce: what has one goes through. */
    async listOver (limit: number): Promise<Transaction[]> {
      return (await transactions.find({
        state: { $in: ['awaiting_confirmation', 'approved'] }, nonce: null, $expr: { $lte: ['$validUntil', '$$NOW'] }
      }, { sort: { validUntil: 1 }, limit }).toArray()).map(toTransaction)
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

    atNonce: ({ chainId, walletId }: LaneKey, nonce: number) => findOne({ chainId, walletId, nonce: exactly(nonce) }),

    /** The highest nonce that any row of the lane ever held and still names. */
    async highestNonce ({ chainId, walletId }: LaneKey, unit: Unit): Promise<number | undefined> {
      const row = await transactions.findOne({ chainId, walletId, nonce: { $gte: 0 } }, { sort: { nonce: -1 }, projection: { nonce: 1 }, session: unit.session })
      return row?.nonce ?? undefined
    }
  }
}

/** The row, as long as it is as its move wants it. */
function standing (id: string, { from, to, when, challengeId, nonce }: Move): Filter<TransactionRow> {
  assertMove(from, to)
  return {
    _id: exactly(id),
    state: from,
    ...when !== undefined && { $expr: { [when === 'valid' ? '$gt' : '$lte']: ['$validUntil', '$$NOW'] } },
    ...challengeId !== undefined && { 'confirmation.challengeId': exactly(challengeId) },
    ...nonce !== undefined && { nonce: exactly(nonce) }
  } as Filter<TransactionRow>
}

const moved = ({ to, set = {} }: Move): Document => ({ $set: {
  ...Object.fromEntries(Object.entries(set).map(([name, value]) => [name, literally(value)])),
  state: to,
  updatedAt: '$$NOW',
  ...to === 'approved' && { approvedAt: '$$NOW' },
  ...settles.has(to) && { reservation: settled(to === 'confirmed') },
  history: { $concatArrays: ['$history', [{ state: to, at: '$$NOW' }]] }
} })

/** Of a row that nothing was asked about yet, and of one from before there was anything to ask. */
const nothingWanted = { requirements: null, missing: [], proof: null, notBefore: null, reservation: null, cancellation: null, speedUp: null } as const

/** What comes here has moved what it reserved, or nothing. */
const settles: ReadonlySet<TransactionState> = new Set(['confirmed', 'rejected', 'cancelled', 'expired', 'failed'])
const settled = (moved: boolean): Document => ({
  $cond: [{ $eq: ['$reservation.state', 'held'] }, { $mergeObjects: ['$reservation', { state: moved ? 'settled' : 'releasing' }] }, { $ifNull: ['$reservation', null] }]
})

/** What a row has not that was written when transactions were transfers of coins. */
const coinsOnly = ({ to }: Pick<Transaction, 'to'>) => ({ kind: 'native', data: '0x', errors: [], destinations: [to], speed: 'average', priority: 0, metadata: {} }) as const

const toTransaction = ({ _id, ...rest }: TransactionRow): Transaction => ({ id: _id, ...nothingWanted, ...coinsOnly(rest), ...rest })
const toMoving = ({ _id, ...rest }: MovingRow): MovingTransaction => ({ id: _id, ...nothingWanted, ...coinsOnly(rest), ...rest })
