/** The verbs of whatever is countersigned before it is done, over the collection of its kind: rows of the one are never rows of the other. */
import { exactly, gather, inOneBatch, isDuplicateKey, literally, type IndexSpec } from '@countersign/mongo'
import type { TransactionState } from '@countersign/contracts'
import type { Collection, Document } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { ReservedEntry } from '../policies/window-repository.ts'
import type { Unit } from '../unit.ts'
import { wholeSecond } from './requested-end.ts'
import type { Confirmation, Countersigned, Transaction } from './transaction.ts'

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

export type MoveOf = Move & { readonly id: string }

/** What waits on, with the rest of what it waits for. */
export type WaitFields = Pick<Transaction, 'requirements' | 'missing' | 'proof' | 'notBefore'>

/** Fields of a new row of its kind; the rest is stamped or empty. */
export type NewRow = Pick<Countersigned, 'id' | 'initiator' | 'idempotencyKey' | 'fingerprint' | 'requestId' | 'walletId' | 'chainId' | 'policy' | 'confirmation'>

/** Its end: a moment, or so long from the moment of its insertion. */
export interface New<Fields extends NewRow = NewRow> { readonly fields: Fields, readonly end: Date | { readonly ttlMs: number } }

export interface FirstAnswer {
  readonly id: string
  /** JSON of its view. */
  readonly answer: string
  /** As otp-service was asked for it just now: kept along with the answer, if no other challenge is outstanding by then. */
  readonly confirmation?: Confirmation
}

/** The idempotency key belongs to another row already. */
export class KeyTaken extends Error {
  override readonly name = 'KeyTaken'
}

/** As it lies in the database: what it is, the repository of its kind says. */
export type KeptRow = Document & { readonly _id: string }

export const countersignedIndexes = (collection: string): readonly IndexSpec[] => [
  // Rows are kept for good, and with them the keys: a repeat is recognised however late it comes.
  { collection, name: 'one_per_idempotency_key', key: { initiator: 1, idempotencyKey: 1 }, unique: true },
  { collection, name: 'one_per_challenge', key: { 'confirmation.challengeId': 1 }, unique: true },
  { collection, name: 'newest_by_user', key: { initiator: 1, _id: -1 } },
  { collection, name: 'by_state_and_end', key: { state: 1, validUntil: 1 } },
  { collection, name: 'delayed', key: { notBefore: 1 }, partialFilterExpression: { state: 'awaiting_confirmation', notBefore: { $type: 'date' } } },
  { collection, name: 'gives_back', key: { 'reservation.state': 1 }, partialFilterExpression: { 'reservation.state': 'releasing' } }
]

export interface CountersignedOptions<Noun> {
  readonly rows: Collection<KeptRow>
  readonly toNoun: (row: KeptRow) => Noun
  /** @throws Error for a move that does not exist. */
  readonly assertMove: (from: TransactionState, to: TransactionState) => void
  /** Of a new row, beside what all have. */
  readonly empty: Document
  /** In which it may still move. */
  readonly unfinished: readonly TransactionState[]
  /** In which what it reserved is spent. */
  readonly done: TransactionState
}

/** Of what is countersigned, whichever kind it is. */
export type CountersignedRepository<Noun extends Countersigned> = ReturnType<typeof createCountersignedRepository<Noun>>

export function createCountersignedRepository<Noun extends Countersigned> ({ rows, toNoun, assertMove, empty, unfinished, done }: CountersignedOptions<Noun>) {
  const ends: ReadonlySet<TransactionState> = new Set([done, 'rejected', 'cancelled', 'expired', 'failed'])
  const found = (row: KeptRow | null): Noun | undefined => row === null ? undefined : toNoun(row)
  const findOne = async (filter: Document, unit?: Unit): Promise<Noun | undefined> => found(await rows.findOne(filter, { ...unit && { session: unit.session } }))

  /** The row, as long as it is as its move wants it. */
  const standing = (id: string, { from, to, when, challengeId, nonce }: Move): Document => {
    assertMove(from, to)
    return {
      _id: exactly(id),
      state: from,
      ...when !== undefined && { $expr: { [when === 'valid' ? '$gt' : '$lte']: ['$validUntil', '$$NOW'] } },
      ...challengeId !== undefined && { 'confirmation.challengeId': exactly(challengeId) },
      ...nonce !== undefined && { nonce: exactly(nonce) }
    }
  }

  const moved = ({ to, set = {} }: Move): Document => ({ $set: {
    ...Object.fromEntries(Object.entries(set).map(([name, value]) => [name, literally(value)])),
    state: to,
    updatedAt: '$$NOW',
    ...to === 'approved' && { approvedAt: '$$NOW' },
    // Of what was mined without effect nothing is given back: only its token says that it moved nothing.
    ...ends.has(to) && { reservation: settled(to === done || set.mined?.outcome === 'unmoved') },
    history: { $concatArrays: ['$history', [{ state: to, at: '$$NOW' }]] }
  } })

  const idsStanding = async (moves: readonly MoveOf[], unit: Unit): Promise<ReadonlySet<string>> => {
    if (moves.length === 0) return new Set()
    const stood = await rows.find({ $or: moves.map((move) => standing(move.id, move)) }, { projection: { _id: 1 }, session: unit.session, ...inOneBatch }).toArray()
    return new Set(stood.map(({ _id }) => _id))
  }

  const fieldsOf = ({ fields: { id: _id, ...fields } }: New): Document =>
    ({ state: 'received', ...fields, digest: '', text: '', shortText: null, firstAnswer: null, receiptId: null, ...nothingWanted, failure: null, approvedAt: null, ...empty })

  const orKeyTaken = (error: unknown): never => { throw isDuplicateKey(error, 'one_per_idempotency_key') ? new KeyTaken() : error }

  const findByKey = gather(async (keys: readonly Pick<Countersigned, 'initiator' | 'idempotencyKey'>[]) => {
    const found = await rows.find({ $or: keys.map(({ initiator, idempotencyKey }) => ({ initiator: exactly(initiator), idempotencyKey: exactly(idempotencyKey) })) }).toArray()
    const nouns = found.map(toNoun)
    return keys.map((key) => nouns.find(({ initiator, idempotencyKey }) => initiator === key.initiator && idempotencyKey === key.idempotencyKey))
  })

  const askedOf = ({ id, confirmation: { challengeId, asked } }: { readonly id: string, readonly confirmation: Confirmation }) => ({
    filter: { _id: exactly(id), 'confirmation.challengeId': exactly(challengeId) }, update: [{ $set: { 'confirmation.asked': literally(asked), updatedAt: '$$NOW' } }]
  })
  const setAsked = gather(async (all: readonly { readonly id: string, readonly confirmation: Confirmation }[]) => {
    const [only] = all
    if (only !== undefined && all.length === 1) {
      const { filter, update } = askedOf(only)
      return [found(await rows.findOneAndUpdate(filter as never, update, { returnDocument: 'after' }))]
    }
    await rows.bulkWrite(all.map((one) => ({ updateOne: askedOf(one) }) as never), { ordered: false })
    const byId = new Map((await rows.find({ _id: { $in: all.map(({ id }) => id) } }).toArray()).map((row) => [row._id, toNoun(row)]))
    return all.map(({ id, confirmation: { challengeId } }) => {
      const row = byId.get(id)
      return row?.confirmation.challengeId === challengeId ? row : undefined
    })
  })

  const answered = ({ id, answer, confirmation }: FirstAnswer) => ({
    filter: { _id: exactly(id), firstAnswer: null },
    update: [{ $set: {
      firstAnswer: literally(answer),
      ...confirmation !== undefined && {
        'confirmation.asked': { $cond: [{ $eq: ['$confirmation.challengeId', literally(confirmation.challengeId)] }, literally(confirmation.asked), '$confirmation.asked'] },
        updatedAt: '$$NOW'
      }
    } }]
  })
  const keepFirstAnswer = gather(async (all: readonly FirstAnswer[]) => {
    const { matchedCount } = await rows.bulkWrite(all.map((one) => ({ updateOne: answered(one) }) as never), { ordered: false })
    if (matchedCount === all.length) return all.map(({ answer }) => answer)
    // Another request with the key of one of them was quicker.
    const kept = new Map((await rows.find({ _id: { $in: all.map(({ id }) => id) } }, { projection: { firstAnswer: 1 } }).toArray()).map((row) => [row._id, row['firstAnswer'] as string | null]))
    return all.map(({ id, answer }) => kept.get(id) ?? answer)
  })

  return {
    find: (id: string, unit?: Unit) => findOne({ _id: exactly(id) }, unit),
    findByKey: async (initiator: string, idempotencyKey: string): Promise<Noun | undefined> => await findByKey({ initiator, idempotencyKey }),
    findByChallenge: (challengeId: string) => findOne({ 'confirmation.challengeId': exactly(challengeId) }),

    /**
     * As `received`, with its end in whole seconds: the given one, or stamped by the database's clock.
     * @throws KeyTaken when the user has one under that key. The unit is lost with it: the database has aborted it.
     */
    insert: async (one: New, unit: Unit): Promise<Noun> =>
      toNoun(await insertStamped(rows, one.fields.id, fieldsOf(one), stampsOf(one), unit.session).catch(orKeyTaken)),

    /** @param at a time that was read from the database for this request. @returns the row as `insert` would have stored it then; nothing is stored. */
    draft: (one: New, at: Date): Noun => toNoun({ _id: one.fields.id, ...fieldsOf(one), createdAt: at, updatedAt: at, history: [{ state: 'received', at }], validUntil: endOf(one, at) }),

    /** Drafts, each after its first move. @returns them so, in their order. @throws KeyTaken as above: which of them it was is not told. */
    async insertMoved (drafts: readonly { readonly row: Noun, readonly move: Move }[], unit: Unit): Promise<Noun[]> {
      const made = drafts.map(({ row, move: { from, to, set } }) => {
        assertMove(from, to)
        return { ...row, ...set, state: to, history: [...row.history, { state: to, at: row.updatedAt }] }
      })
      await rows.insertMany(made.map(({ id, ...fields }) => ({ _id: id, ...fields })), { ordered: false, session: unit.session }).catch(orKeyTaken)
      return made
    },

    /**
     * Compare-and-set on the table of moves, with the history.
     * @returns undefined when the row is not (any more) as the move wants it.
     */
    async move (id: string, move: Move, unit: Unit): Promise<Noun | undefined> {
      const row = await rows.findOneAndUpdate(standing(id, move), [moved(move)], { returnDocument: 'after', session: unit.session })
      return found(row)
    },

    /** Which of these rows are as their moves want them. */
    standing: idsStanding,
    /** The filter and the update of a move, for whoever makes many at once. */
    filterOf: standing,
    updateOf: moved,

    /** What otp-service said of the outstanding challenge. @returns undefined when another one is outstanding by now. */
    setAsked: async (id: string, confirmation: Confirmation): Promise<Noun | undefined> => await setAsked({ id, confirmation }),

    /** Puts another challenge in the place of that one. @returns undefined when the row waits for neither any more. */
    async replaceChallenge (id: string, oldChallengeId: string, fresh: Confirmation, unit: Unit): Promise<Noun | undefined> {
      const row = await rows.findOneAndUpdate(
        { _id: exactly(id), state: 'awaiting_confirmation', 'confirmation.challengeId': exactly(oldChallengeId), $expr: { $gt: ['$validUntil', '$$NOW'] } },
        [{ $set: { confirmation: literally(fresh), updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return found(row)
    },

    /** Keeps the first answer for ever. @returns the one that is kept, which may be another's. */
    keepFirstAnswer: async (first: FirstAnswer): Promise<string> => await keepFirstAnswer(first),

    /** It waits on, with the rest of what it waits for. @returns undefined when it is over, or waits for nothing any more. */
    async keepWaiting (id: string, fields: WaitFields, challengeId: string | undefined, unit: Unit): Promise<Noun | undefined> {
      const row = await rows.findOneAndUpdate({
        _id: exactly(id), state: 'awaiting_confirmation', $expr: { $gt: ['$validUntil', '$$NOW'] }, ...challengeId !== undefined && { 'confirmation.challengeId': exactly(challengeId) }
      }, [{ $set: { ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)])), updatedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      return found(row)
    },

    /** Nothing but their delay is missing, and it is over by the database's clock. */
    async listDelayed (limit: number): Promise<Noun[]> {
      return (await rows.find({
        state: 'awaiting_confirmation', notBefore: { $type: 'date' }, missing: ['delay'], $expr: { $and: [{ $lte: ['$notBefore', '$$NOW'] }, { $gt: ['$validUntil', '$$NOW'] }] }
      }, { sort: { notBefore: 1 }, limit }).toArray()).map(toNoun)
    },

    /** Over without having moved anything, and with room to give back. */
    async listReleasing (limit: number): Promise<Noun[]> {
      return (await rows.find({ 'reservation.state': 'releasing' }, { limit }).toArray()).map(toNoun)
    },

    /** True for exactly one caller. */
    async markReleased (id: string, unit: Unit): Promise<boolean> {
      const { modifiedCount } = await rows.updateOne({ _id: exactly(id), 'reservation.state': 'releasing' }, { $set: { 'reservation.state': 'released' } }, { session: unit.session })
      return modifiedCount === 1
    },

    /** Where their room in the windows stands by now. */
    async keepEntries (entriesOf: ReadonlyMap<string, readonly ReservedEntry[]>, unit: Unit): Promise<void> {
      await rows.bulkWrite([...entriesOf].map(([id, entries]) => ({
        updateOne: { filter: { _id: exactly(id), 'reservation.state': 'held' }, update: { $set: { 'reservation.entries': [...entries] } } }
      }) as never), { ordered: false, session: unit.session })
    },

    /** How many states each has been in; those that are not of this kind are left out. */
    async countMoves (ids: readonly string[]): Promise<{ readonly id: string, readonly moves: number }[]> {
      const counted = await rows.find({ _id: { $in: [...ids] } }, { projection: { moves: { $size: '$history' } } }).toArray()
      return counted.map(({ _id, moves }) => ({ id: _id, moves: moves as number }))
    },

    /** What may still move, or only what is in these states. */
    async unfinishedOf (initiator: string, states: readonly TransactionState[] = unfinished): Promise<Noun[]> {
      return (await rows.find({ initiator: exactly(initiator), state: { $in: [...states] } }, { sort: { _id: 1 }, limit: 1_000 }).toArray()).map(toNoun)
    },

    /** Past their end by the database's clock, and without a nonce: what has one goes through. */
    async listOver (limit: number): Promise<Noun[]> {
      return (await rows.find({
        state: { $in: ['awaiting_confirmation', 'approved'] }, nonce: null, $expr: { $lte: ['$validUntil', '$$NOW'] }
      }, { sort: { validUntil: 1 }, limit }).toArray()).map(toNoun)
    }
  }
}

/** Of a row that nothing was asked about yet, and of one from before there was anything to ask. */
export const nothingWanted = { requirements: null, missing: [], proof: null, notBefore: null, reservation: null } as const

const endOf = ({ end }: New, at: Date): Date => end instanceof Date ? end : wholeSecond(at.getTime() + end.ttlMs)

const stampsOf = ({ end }: New): Document => ({
  updatedAt: '$$NOW',
  history: [{ state: 'received', at: '$$NOW' }],
  validUntil: end instanceof Date ? literally(end) : { $dateTrunc: { date: { $add: ['$$NOW', literally(end.ttlMs)] }, unit: 'second' } }
})

/** What it reserved is spent, or given back. */
const settled = (moved: boolean): Document => ({
  $cond: [{ $eq: ['$reservation.state', 'held'] }, { $mergeObjects: ['$reservation', { state: moved ? 'settled' : 'releasing' }] }, { $ifNull: ['$reservation', null] }]
})
