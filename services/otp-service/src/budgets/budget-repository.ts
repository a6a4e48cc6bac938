/**
 * One row per account, or whatever else wrong codes are counted for, and one update per attempt: it prunes, decides and counts at once, by the
 * database's clock. Attempts that come at the same time go in one message, one update each, and read afterwards which of them were counted.
 */
import { randomInt } from 'node:crypto'
import { eachOf, gather, givenTo, inOneBatch, inTurns } from '@countersign/mongo'
import type { Db, Document } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import type { BudgetRules, Lock, Reservation, Standing } from './budget.ts'
import { dayMs, reserving, without, withoutRef } from './reserving.ts'

interface BudgetDocument {
  /** Whose budget it is: a user id, or a key of mailboxes. */
  readonly _id: string
  /** Wrong codes of the last 24 hours, and attempts not yet compared. */
  readonly failures: readonly { readonly at: Date, readonly ref: string }[]
  /** Those of sessions that had answered rightly before, while the account was locked. */
  readonly own_failures: BudgetDocument['failures']
  /** Sessions that answered rightly, the last one last. */
  readonly own_sessions: readonly string[]
  readonly counted_from: Date | null
  readonly in_a_row: number
  readonly locked_until: Date | null
  readonly locked_by: string | null
  readonly closed_at: Date | null
  readonly closed_by: string | null
  readonly touched_at: Date
}

type FoundBudget = BudgetDocument & {
  /** The database's time. */
  readonly now: Date
}

export interface Attempt { readonly userId: string, readonly sessionId: string, readonly reservationId: string }

/** Enough that refusals in parallel do not queue for one row. */
const decoys = 64
/** Transactions of two processes at the same time must not meet in one row, or each refusal of one would have the other begin anew. */
const ownDecoys = randomInt(1_024)

export type BudgetRepository = ReturnType<typeof createBudgetRepository>

/** Factors have their collection and mailboxes theirs: what is guessed at one locks nothing of the other. */
export function createBudgetRepository (db: Db, rules: BudgetRules, collection: 'failure_budgets' | 'mailbox_budgets' = 'failure_budgets') {
  const budgets = db.collection<BudgetDocument>(collection)
  const rowsOf = async (ids: readonly string[], transaction?: Transaction): Promise<ReadonlyMap<string, FoundBudget>> =>
    new Map((await budgets.aggregate<FoundBudget>([{ $match: { _id: { $in: [...new Set(ids)] } } }, { $set: { now: '$$NOW' } }], { ...transaction !== undefined && { session: transaction, ...inOneBatch } }).toArray()).map((row) => [row._id, row]))
  const reserved = (rows: ReadonlyMap<string, FoundBudget>, { userId, sessionId, reservationId }: Attempt): Reservation => {
    const row = rows.get(userId)
    if (row === undefined) throw new Error('the budget was not written')
    // An operator who reopens the account meanwhile takes the attempt out: then nothing is compared.
    const granted = [...row.failures, ...row.own_failures].some(({ ref }) => ref === reservationId)
    return { id: reservationId, granted, spends: granted && (row.locked_by === reservationId || row.closed_by === reservationId), lock: lockIn(rules, row, sessionId) }
  }
  const reservingOne = ({ userId, sessionId, reservationId }: Attempt) =>
    ({ updateOne: { filter: { _id: userId }, update: reserving(rules, { $literal: reservationId }, { $literal: sessionId }), upsert: true } })

  const reserveShared = gather(async (all: readonly Attempt[]) => {
    await budgets.bulkWrite(all.map(reservingOne), { ordered: false })
    const rows = await rowsOf(all.map(({ userId }) => userId))
    return all.map((attempt) => reserved(rows, attempt))
  })
  const lockShared = gather(async (all: readonly Pick<Attempt, 'userId' | 'sessionId'>[]) => {
    const rows = await rowsOf(all.map(({ userId }) => userId))
    return all.map(({ userId, sessionId }): Standing => {
      const row = rows.get(userId)
      return row === undefined ? { closed: false, retryAfterSeconds: 0, own: false } : { ...lockIn(rules, row, sessionId), own: row.own_sessions.includes(sessionId) }
    })
  })

  return {
    /** Counts one attempt as a wrong code, unless the account is locked for this session, or closed. */
    reserve: (userId: string, sessionId: string, reservationId: string): Promise<Reservation> => reserveShared({ userId, sessionId, reservationId }),

    /** Several in one statement, each as `reserve` counts it. Rows of accounts that never tried anything are made by the way. */
    async reserveAll (all: readonly Attempt[], transaction: Transaction): Promise<Reservation[]> {
      if (all.length === 0) return []
      const ids = all.map(({ userId }) => userId)
      await budgets.bulkWrite(inTurns(all, ({ userId }) => userId).map((turn) => ({
        updateMany: {
          filter: { _id: { $in: [...turn.keys()] } },
          update: [
            { $set: { given: givenTo(eachOf(turn, ({ sessionId, reservationId }) => ({ ref: reservationId, session: sessionId }))) } },
            ...reserving(rules, '$given.ref', '$given.session'),
            { $unset: 'given' }
          ]
        }
      })), { session: transaction })
      const rows = await rowsOf(ids, transaction)
      const first = all.filter(({ userId }) => !rows.has(userId))
      if (first.length === 0) return all.map((attempt) => reserved(rows, attempt))
      await budgets.bulkWrite(first.map(reservingOne), { session: transaction })
      const made = new Map([...rows, ...await rowsOf(first.map(({ userId }) => userId), transaction)])
      return all.map((attempt) => reserved(made, attempt))
    },

    /** An account that nobody has, one of a few: refusals without an account are counted there, so that they take as long as those with one. */
    decoy: (): string => `nobody:${ownDecoys}:${randomInt(decoys)}`,

    /** The same work, writes and all, for one of a few accounts that nobody has: a refusal without an account takes as long as one with. */
    async pretend (reservationId: string): Promise<void> {
      const decoy = `nobody:${randomInt(decoys)}`
      await reserveShared({ userId: decoy, sessionId: decoy, reservationId })
    },

    /**
     * The code was right and did what it was for.
     * @param sessionId null: nobody is remembered for it.
     * @param reservationId null: it was no code, and nothing was counted for it.
     */
    async succeed (userId: string, sessionId: string | null, reservationId: string | null, transaction: Transaction): Promise<void> {
      await budgets.updateOne({ _id: userId }, succeeding(rules, { $literal: reservationId }, { $literal: sessionId }), { session: transaction })
    },

    async succeedAll (all: readonly { readonly userId: string, readonly sessionId: string | null, readonly reservationId: string | null }[], transaction: Transaction): Promise<void> {
      await budgets.bulkWrite(inTurns(all, ({ userId }) => userId).map((turn) => ({
        updateMany: {
          filter: { _id: { $in: [...turn.keys()] } },
          update: [
            { $set: { given: givenTo(eachOf(turn, ({ sessionId, reservationId }) => ({ ref: reservationId, session: sessionId }))) } },
            ...succeeding(rules, '$given.ref', '$given.session'),
            { $unset: 'given' }
          ]
        }
      })), { session: transaction })
    },

    /** The code was right and was not used: neither a failure nor a success. */
    async giveBack (userId: string, reservationId: string): Promise<void> {
      const own = (field: string, otherwise: string) => ({ $cond: [{ $eq: [field, { $literal: reservationId }] }, null, otherwise] })
      await budgets.updateOne({ _id: userId, $or: [{ 'failures.ref': reservationId }, { 'own_failures.ref': reservationId }] }, [{
        $set: {
          failures: without('$failures', reservationId),
          own_failures: without('$own_failures', reservationId),
          in_a_row: { $max: [0, { $subtract: ['$in_a_row', 1] }] },
          locked_until: own('$locked_by', '$locked_until'),
          counted_from: { $cond: [{ $eq: ['$locked_by', { $literal: reservationId }] }, null, '$counted_from'] },
          closed_at: own('$closed_by', '$closed_at')
        }
      }])
    },

    /** As that session finds it. */
    lockOf: (userId: string, sessionId: string): Promise<Standing> => lockShared({ userId, sessionId }),

    /** Whether this session has answered rightly before, and is one of those remembered. */
    async isOwn (userId: string, sessionId: string): Promise<boolean> {
      return await budgets.countDocuments({ _id: userId, own_sessions: sessionId }, { limit: 1 }) === 1
    },

    /** With the account. */
    async forget (userId: string, transaction: Transaction): Promise<void> {
      await budgets.deleteOne({ _id: userId }, { session: transaction })
    },

    /** Forgets every wrong code, those of the day as well. True when there were any, or a lock. For the operator. */
    async reopen (userId: string, transaction: Transaction): Promise<boolean> {
      const { modifiedCount } = await budgets.updateOne(
        { _id: userId, $or: [{ closed_at: { $ne: null } }, { locked_until: { $ne: null } }, { 'failures.0': { $exists: true } }, { 'own_failures.0': { $exists: true } }] },
        [{ $set: { failures: [], own_failures: [], counted_from: '$$NOW', in_a_row: 0, ...unlocked, closed_at: null, closed_by: null } }],
        { session: transaction }
      )
      return modifiedCount === 1
    }
  }
}

const others = (session: unknown) => ({ $filter: { input: { $ifNull: ['$own_sessions', []] }, as: 'own', cond: { $ne: ['$$own', session] } } })

/** Both are expressions. Null is the reservation of no failure, and the session of nobody. */
const succeeding = (rules: BudgetRules, ref: unknown, session: unknown): Document[] => [{
  $set: {
    failures: withoutRef('$failures', ref),
    own_failures: withoutRef('$own_failures', ref),
    own_sessions: { $cond: [{ $eq: [session, null] }, { $ifNull: ['$own_sessions', []] }, { $slice: [{ $concatArrays: [others(session), [session]] }, -rules.ownSessions] }] },
    counted_from: '$$NOW',
    in_a_row: 0,
    ...unlocked,
    closed_at: null,
    closed_by: null
  }
}]

const unlocked = { locked_until: null, locked_by: null }

/** As that session finds it: the later of the lock's end and, with a spent day, the hour at which the oldest failure is forgotten; nothing for a session that has something of its own left. */
function lockIn ({ perDay, ownPerDay }: BudgetRules, row: FoundBudget, sessionId: string): Lock {
  if (row.closed_at !== null) return { closed: true, retryAfterSeconds: 0 }
  const now = row.now.getTime()
  const times = (list: BudgetDocument['failures']): number[] => list.map(({ at }) => at.getTime()).filter((at) => at > now - dayMs)
  const failures = times(row.failures)
  if (row.own_sessions.includes(sessionId) && times(row.own_failures).length < ownPerDay) return { closed: false, retryAfterSeconds: 0 }
  const waitMs = Math.max(0, (row.locked_until?.getTime() ?? now) - now, failures.length >= perDay ? Math.min(...failures) + dayMs - now : 0)
  return { closed: false, retryAfterSeconds: Math.ceil(waitMs / 1_000) }
}
