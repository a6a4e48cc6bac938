/**
 * Challenges. Every guard is in the update itself, and every life is measured with the database's clock (`$$NOW`): a process whose
 * clock is wrong, or two requests at once, change nothing.
 */
import { databaseTime, eachOf, gather, givenTo, inOneBatch, inTurns } from '@countersign/mongo'
import type { Db, Document, Filter } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import type { Answerer, Challenge, NewChallenge } from './challenge.ts'
import { stepUpPurpose } from '../step-ups/step-up-purpose.ts'
import { newDocument, toChallenge, type ChallengeDocument } from './challenge-document.ts'
import type { StoredCode } from './codes.ts'

export interface FoundChallenge {
  readonly challenge: Challenge
  /** The database's time. */
  readonly now: Date
}

export type ChallengeRepository = ReturnType<typeof createChallengeRepository>

/** The unique index by which a repeated command begins nothing twice. */
export const onePerCommand = 'one_per_command_and_purpose'

const open = { consumed_at: null, cancelled_at: null }
/** Where a challenge of an account that is gone went. */
const nobodysAddress = 'nobody@account.invalid'

export function createChallengeRepository (db: Db) {
  const challenges = db.collection<ChallengeDocument>('challenges')

  const findShared = gather(async (ids: readonly string[]) => {
    const found = new Map((await challenges.find({ _id: { $in: [...ids] } }).toArray()).map((row) => [row._id, row]))
    return ids.map((id) => {
      const row = found.get(id)
      return row && toChallenge(row)
    })
  })
  const byCommandShared = gather(async (wanted: readonly Pick<ChallengeDocument, 'aud' | 'command_id'>[]) => {
    const found = await challenges.find({ aud: { $in: [...new Set(wanted.map(({ aud }) => aud))] }, command_id: { $in: wanted.map(({ command_id: id }) => id) } }).toArray()
    return wanted.map(({ aud, command_id: id }) => found.filter((one) => one.aud === aud && one.command_id === id).map(toChallenge))
  })
  const insert = async (challenge: NewChallenge, ttlSeconds: number, transaction: Transaction): Promise<Challenge | undefined> => {
    const { filter, update } = inserting({ challenge, ttlSeconds })
    const { value, lastErrorObject } = await challenges.findOneAndUpdate(filter, update, { upsert: true, returnDocument: 'after', includeResultMetadata: true, session: transaction })
    return value === null || lastErrorObject?.['updatedExisting'] === true ? undefined : toChallenge(value)
  }

  return {
    find: (id: string) => findShared(id),

    /** The challenges that one command began. */
    findByCommand: (aud: Answerer['aud'], commandId: string): Promise<Challenge[]> => byCommandShared({ aud, command_id: commandId }),

    /** As a stranger would see it: undefined unless every field of the answerer is right. */
    async findFor (id: string, { aud, userId, sessionId }: Answerer): Promise<Challenge | undefined> {
      const found = await findShared(id)
      return found?.aud === aud && found.userId === userId && found.sessionId === sessionId ? found : undefined
    },

    /** One that can still be answered, with the database's time. */
    async findPending (id: string, purpose: Challenge['purpose'], answerer: Answerer): Promise<FoundChallenge | undefined> {
      const [found] = await challenges.aggregate<ChallengeDocument & { now: Date }>([
        { $match: { _id: id, purpose, ...owned(answerer), ...open, attempts_left: { $gt: 0 }, $expr: { $gt: ['$expires_at', '$$NOW'] } } }, { $set: { now: '$$NOW' } }
      ]).toArray()
      return found === undefined ? undefined : { challenge: toChallenge(found), now: found.now }
    },

    /** The last one that this answerer began, of that purpose and, where it is given, about that action. */
    async newestOwn (answerer: Answerer, { purpose, actionDigest }: { purpose: Challenge['purpose'], actionDigest?: string }, transaction?: Transaction): Promise<FoundChallenge | undefined> {
      const [found] = await challenges.aggregate<ChallengeDocument & { now: Date }>(
        [{ $match: { ...owned(answerer), purpose, ...actionDigest !== undefined && { action_digest: actionDigest } } }, { $sort: { created_at: -1, _id: -1 } }, { $limit: 1 }, { $set: { now: '$$NOW' } }],
        { ...transaction !== undefined && { session: transaction } }
      ).toArray()
      return found === undefined ? undefined : { challenge: toChallenge(found), now: found.now }
    },

    /** @returns the challenge with its times, or undefined when that id exists already. */
    insert,

    /** Several in one insert. Undefined at the place of an id that was named before. @throws MongoBulkWriteError when one of their ids exists: one alone is answered as `insert` answers */
    async insertAll (all: readonly Opening[], transaction: Transaction): Promise<(Challenge | undefined)[]> {
      const [only] = all
      if (all.length === 1 && only !== undefined) return [await insert(only.challenge, only.ttlSeconds, transaction)]
      const now = await databaseTime(db)
      const isFirst = all.map(({ challenge: { id } }, i) => all.findIndex(({ challenge }) => challenge.id === id) === i)
      const rows = all.map(({ challenge, ttlSeconds }): ChallengeDocument => {
        const codeEnds = new Date(now.getTime() + ttlSeconds * 1_000)
        const { actionEndsAt } = challenge
        return { ...newDocument(challenge), created_at: now, last_sent_at: now, expires_at: actionEndsAt !== null && actionEndsAt < codeEnds ? actionEndsAt : codeEnds }
      })
      await challenges.insertMany(rows.filter((_row, i) => isFirst[i]), { session: transaction })
      return rows.map((row, i) => isFirst[i] === true ? toChallenge(row) : undefined)
    },

    /**
     * New codes, the same attempts, each challenge named once. Undefined at the place of one that is answered, cancelled, out of attempts or past
     * its action's end, and of one that its command has renewed before.
     */
    async renewAll (all: readonly Renewal[], transaction: Transaction): Promise<(Challenge | undefined)[]> {
      const lives = new Set(all.map(({ ttlSeconds }) => ttlSeconds))
      await challenges.bulkWrite([...lives].map((life) => ({ updateMany: renewing(all.filter(({ ttlSeconds }) => ttlSeconds === life), life) })), { session: transaction })
      const found = new Map((await challenges.find({ _id: { $in: all.map(({ challenge }) => challenge.id) } }, { session: transaction }).toArray()).map((row) => [row._id, row]))
      return all.map(({ challenge, code, commandId }) => {
        const row = found.get(challenge.id)
        // A repetition of the command finds its name there, and another code.
        return row?.resent_by === commandId && row.code_mac === code.codeMac ? toChallenge(row) : undefined
      })
    },

    /**
     * Pays before anybody looks, so that guesses in parallel cannot share one attempt. Undefined at the place of one for which none is left, whose
     * challenge is over, or whose answerer is not its own: he takes no attempt from anybody; `answered` where its own command was the right answer. What is judged here is what this transaction reads,
     * and a row that another changes meanwhile ends it; the update asks once more all the same.
     */
    async spendAll (all: readonly Attempt[], transaction: Transaction): Promise<(Challenge | 'answered' | undefined)[]> {
      const found = new Map((await challenges.aggregate<ChallengeDocument & { now: Date }>(
        [{ $match: { _id: { $in: all.map(({ id }) => id) } } }, { $set: { now: '$$NOW' } }], { session: transaction, ...inOneBatch }
      ).toArray()).map((row) => [row._id, row]))
      const paid = all.map((attempt): Challenge | 'answered' | undefined => {
        const row = found.get(attempt.id)
        if (row === undefined || !isOf(row, attempt)) return undefined
        if (row.consumed_by !== null && row.consumed_by === attempt.commandId) return 'answered'
        if (!isAnswerable(row)) return undefined
        const spent = { ...row, attempts_left: row.attempts_left - 1, last_attempt_at: row.now }
        found.set(row._id, spent)
        return toChallenge(spent)
      })
      for (const turn of inTurns(paid.flatMap((one) => typeof one === 'object' ? [one] : []), ({ id }) => id)) {
        const { modifiedCount } = await challenges.updateMany({ _id: { $in: [...turn.keys()] }, ...open, attempts_left: { $gt: 0 } }, { $inc: { attempts_left: -1 }, $currentDate: { last_attempt_at: true } }, { session: transaction })
        if (modifiedCount !== turn.size) throw new Error('an attempt was not paid for')
      }
      return paid
    },

    /** For whoever answers by a signature: that takes no attempt, and those of codes do not matter to it, and neither does a code's end where the action has one of its own. With the database's time. Undefined when the challenge is over, or not the answerer's. */
    async findSignable (id: string, purpose: Challenge['purpose'], answerer: Answerer): Promise<FoundChallenge | undefined> {
      const [found] = await challenges.aggregate<ChallengeDocument & { now: Date }>([
        { $match: { _id: id, purpose, ...owned(answerer), ...open, counted_at: null, $expr: { $gt: [{ $ifNull: ['$action_ends_at', '$expires_at'] }, '$$NOW'] } } }, { $set: { now: '$$NOW' } }
      ]).toArray()
      return found === undefined ? undefined : { challenge: toChallenge(found), now: found.now }
    },

    /** For an attempt that was paid and then compared with nothing. */
    async giveBackAttempt (id: string): Promise<void> {
      await challenges.updateOne({ _id: id, ...open, $expr: { $lt: ['$attempts_left', '$attempts_max'] } }, { $inc: { attempts_left: 1 } })
    },

    /** True for exactly one caller, and, when he was right about a code that was sent, only while that is still the current one. */
    async consume (challenge: Challenge, given: Omit<Consumed, 'challenge'>, transaction: Transaction): Promise<boolean> {
      const { filter, update } = consuming({ challenge, ...given })
      return (await challenges.updateOne(filter, update, { session: transaction })).modifiedCount === 1
    },

    /** @returns how many of them counted */
    async consumeAll (all: readonly Consumed[], transaction: Transaction): Promise<number> {
      const bySent = all.filter(({ bySentCode }) => bySentCode)
      const statements = [bySent, all.filter(({ bySentCode }) => !bySentCode)].filter(({ length }) => length > 0)
      return (await challenges.bulkWrite(statements.map((some) => ({ updateMany: consumingAll(some, some === bySent) })), { session: transaction })).modifiedCount
    },

    /** Whether `useAnswer` would succeed now. @returns the factor that answered */
    async answeredBy (id: string, wanted: WantedAnswer): Promise<string | undefined> {
      return (await challenges.findOne(answered(id, wanted), { projection: { answered_by: 1 } }))?.answered_by ?? undefined
    },

    /** The answer to a step-up counts here once. @returns the factor that gave it, and the time; undefined when there is no such answer, or it is too old. */
    async useAnswer (id: string, wanted: WantedAnswer, transaction: Transaction): Promise<{ readonly factorId: string, readonly at: Date } | undefined> {
      const found = await challenges.findOneAndUpdate(answered(id, wanted), [{ $set: { used_at: '$$NOW' } }], { session: transaction, returnDocument: 'after' })
      const { answered_by: factorId, used_at: at } = found ?? {}
      return typeof factorId === 'string' && at instanceof Date ? { factorId, at } : undefined
    },

    /** What this session began before for these purposes, and did not finish. That of other sessions stays: a stranger cancels nothing of mine. */
    async cancelOwn (answerer: Answerer, purposes: readonly Challenge['purpose'][], transaction: Transaction): Promise<void> {
      await challenges.updateMany(
        { ...owned(answerer), purpose: { $in: [...purposes] }, ...open },
        [{ $set: { cancelled_at: '$$NOW' } }],
        { session: transaction }
      )
    },

    /** Codes that went to an address which is no factor any more. */
    async cancelOfFactor (userId: string, factorId: string, transaction: Transaction): Promise<void> {
      await challenges.updateMany({ user_id: userId, factor_id: factorId, ...open }, [{ $set: { cancelled_at: '$$NOW' } }], { session: transaction })
    },

    /** Nothing that this user was asked can be answered any more. */
    async cancelOf (userId: string, transaction: Transaction): Promise<void> {
      await challenges.updateMany({ user_id: userId, ...open }, [{ $set: { cancelled_at: '$$NOW' } }], { session: transaction })
    },

    /** Of an account that is gone: nothing is open any more, and no address of a person is left in any. */
    async bury (userId: string, transaction: Transaction): Promise<void> {
      await challenges.updateMany({ user_id: userId, ...open }, [{ $set: { cancelled_at: '$$NOW' } }], { session: transaction })
      await challenges.updateMany({ user_id: userId }, { $set: { address: nobodysAddress } }, { session: transaction })
      await challenges.updateMany({ user_id: userId, purpose: { $in: ['email_enrol', 'email_change', 'sms_enrol', stepUpPurpose] } }, { $set: { enrolment: null, text: '' }, $unset: { short_text: '' } }, { session: transaction })
    },

    countPending: () => challenges.countDocuments({ ...open, attempts_left: { $gt: 0 }, $expr: { $gt: ['$expires_at', '$$NOW'] } }),

    /** With the database's time, for whoever explains its state. */
    async findWithTime (id: string): Promise<FoundChallenge | undefined> {
      const [found] = await challenges.aggregate<ChallengeDocument & { now: Date }>([{ $match: { _id: id } }, { $set: { now: '$$NOW' } }]).toArray()
      return found === undefined ? undefined : { challenge: toChallenge(found), now: found.now }
    }
  }
}

export interface Attempt { readonly id: string, readonly purpose: Challenge['purpose'], readonly answerer: Answerer, readonly commandId: string }

const isOf = (row: ChallengeDocument, { purpose, answerer }: Attempt): boolean =>
  row.purpose === purpose && row.aud === answerer.aud && row.user_id === answerer.userId && row.session_id === answerer.sessionId

const isAnswerable = (row: ChallengeDocument & { readonly now: Date }): boolean =>
  row.consumed_at === null && row.cancelled_at === null && row.attempts_left > 0 && row.expires_at > row.now

export interface Opening { readonly challenge: NewChallenge, readonly ttlSeconds: number }

/** The text is a literal: `$NOW` in it must not be read as an expression. */
const inserting = ({ challenge, ttlSeconds }: Opening) => {
  const fresh = { $mergeObjects: [{ $literal: newDocument(challenge) }, { created_at: '$$NOW', last_sent_at: '$$NOW', expires_at: expiry(ttlSeconds, { $literal: challenge.actionEndsAt }) }] }
  return { filter: { _id: challenge.id }, update: [{ $replaceWith: { $cond: [{ $eq: [{ $type: '$created_at' }, 'missing'] }, fresh, '$$ROOT'] } }] }
}

export interface Renewal {
  readonly challenge: Challenge
  readonly code: StoredCode
  /** Undefined: it ends when it was said to. */
  readonly ttlSeconds: number | undefined
  readonly commandId: string
  readonly to: Pick<Challenge, 'factorId' | 'address'>
}

/** @param ttlSeconds of all of them */
const renewing = (all: readonly Renewal[], ttlSeconds: number | undefined) => {
  const given = new Map(all.map((one) => [one.challenge.id, one]))
  const ends = ttlSeconds === undefined ? { $gt: ['$expires_at', '$$NOW'] } : { $or: [{ $eq: ['$action_ends_at', null] }, { $gt: ['$action_ends_at', '$$NOW'] }] }
  return {
    filter: { _id: { $in: [...given.keys()] }, ...open, counted_at: null, attempts_left: { $gt: 0 }, $expr: { $and: [ends, { $ne: ['$resent_by', givenTo(eachOf(given, ({ commandId }) => commandId))] }] } },
    update: [
      { $set: { given: givenTo(eachOf(given, ({ code, commandId, to }) => ({ ...code, ...to, commandId }))) } },
      {
        $set: {
          factor_id: '$given.factorId',
          address: '$given.address',
          code_mac: '$given.codeMac',
          pepper_id: '$given.pepperId',
          ...ttlSeconds !== undefined && { expires_at: expiry(ttlSeconds, '$action_ends_at') },
          last_sent_at: '$$NOW',
          sends: { $add: ['$sends', 1] },
          resent_by: '$given.commandId'
        }
      },
      { $unset: 'given' }
    ]
  }
}

interface Consumed {
  readonly challenge: Pick<Challenge, 'id' | 'codeMac'>
  readonly bySentCode: boolean
  readonly commandId: string
  readonly answeredBy: string | null
}

const consuming = ({ challenge: { id, codeMac }, bySentCode, commandId, answeredBy }: Consumed) => ({
  filter: { _id: id, ...open, ...bySentCode && { code_mac: codeMac } },
  update: [{ $set: { consumed_at: '$$NOW', consumed_by: { $literal: commandId }, answered_by: { $literal: answeredBy } } }]
})

/** No two challenges have one code's hash: it is made with the challenge's id. */
const consumingAll = (all: readonly Consumed[], bySentCode: boolean) => {
  const given = new Map(all.map(({ challenge: { id }, commandId, answeredBy }) => [id, { commandId, answeredBy }]))
  return {
    filter: { _id: { $in: [...given.keys()] }, ...open, ...bySentCode && { code_mac: { $in: all.map(({ challenge }) => challenge.codeMac) } } },
    update: [
      { $set: { given: givenTo(given) } },
      { $set: { consumed_at: '$$NOW', consumed_by: '$given.commandId', answered_by: '$given.answeredBy' } },
      { $unset: 'given' }
    ]
  }
}

/** A step-up of that asker for exactly that action, answered a short while ago. */
interface WantedAnswer {
  readonly answerer: Answerer
  readonly actionDigest: string
  readonly withinSeconds: number
}

const answered = (id: string, { answerer, actionDigest, withinSeconds }: WantedAnswer): Filter<ChallengeDocument> => ({
  _id: id, ...owned(answerer), purpose: stepUpPurpose, action_digest: actionDigest, used_at: null, $expr: { $gt: ['$consumed_at', { $subtract: ['$$NOW', withinSeconds * 1_000] }] }
})

const owned = ({ aud, userId, sessionId }: Answerer) => ({ aud, user_id: userId, session_id: sessionId })

/** `$min` passes over a null end. @param actionEndsAt an expression */
const expiry = (ttlSeconds: number, actionEndsAt: unknown): Document => ({ $min: [{ $add: ['$$NOW', ttlSeconds * 1_000] }, actionEndsAt] })
