/**
 * Challenges. Every guard is in the update itself, and every life is measured with the database's clock (`$$NOW`): a process whose
 * clock is wrong, or two requests at once, change nothing.
 */
import { gather, inOneBatch } from '@countersign/mongo'
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
  /** One update for each attempt, all in one message; which of them were paid for is read from the rows. The same attempt again pays nothing. */
  const spendShared = gather(async (all: readonly Attempt[]) => {
    await challenges.bulkWrite(all.map(({ id, purpose, answerer, ref }) => ({
      updateOne: {
        filter: { _id: id, purpose, ...owned(answerer), ...open, attempts_left: { $gt: 0 }, attempt_refs: { $ne: ref }, $expr: { $gt: ['$expires_at', '$$NOW'] } },
        update: [{
          $set: {
            attempts_left: { $subtract: ['$attempts_left', 1] }, last_attempt_at: '$$NOW',
            attempt_refs: { $slice: [{ $concatArrays: [{ $ifNull: ['$attempt_refs', []] }, [{ $literal: ref }]] }, -refsKept] }
          }
        }]
      }
    })), { ordered: false })
    const found = new Map((await challenges.find({ _id: { $in: all.map(({ id }) => id) } }).toArray()).map((row) => [row._id, row]))
    return all.map(({ id, ref }) => {
      const row = found.get(id)
      return row?.attempt_refs?.includes(ref) === true ? toChallenge(row) : undefined
    })
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

    /** Several in two messages, at the place of each what `insert` answers. Of one id that is named twice the first is made. */
    async insertAll (all: readonly Opening[], transaction: Transaction): Promise<(Challenge | undefined)[]> {
      const [only] = all
      if (all.length === 1 && only !== undefined) return [await insert(only.challenge, only.ttlSeconds, transaction)]
      const { upsertedIds } = await challenges.bulkWrite(all.map((one) => ({ updateOne: { ...inserting(one), upsert: true } })), { session: transaction })
      const found = new Map((await challenges.find({ _id: { $in: Object.values(upsertedIds) } }, { session: transaction, ...inOneBatch }).toArray()).map((row) => [row._id, row]))
      return all.map(({ challenge: { id } }, i) => {
        const row = i in upsertedIds ? found.get(id) : undefined
        return row && toChallenge(row)
      })
    },

    /**
     * New codes, the same attempts, each challenge named once. Undefined at the place of one that is answered, cancelled, out of attempts or past
     * its action's end, and of one that its command has renewed before.
     */
    async renewAll (all: readonly Renewal[], transaction: Transaction): Promise<(Challenge | undefined)[]> {
      await challenges.bulkWrite(all.map((one) => ({ updateOne: renewing(one) })), { session: transaction })
      const found = new Map((await challenges.find({ _id: { $in: all.map(({ challenge }) => challenge.id) } }, { session: transaction }).toArray()).map((row) => [row._id, row]))
      return all.map(({ challenge, code, commandId }) => {
        const row = found.get(challenge.id)
        // A repetition of the command finds its name there, and another code.
        return row?.resent_by === commandId && row.code_mac === code.codeMac ? toChallenge(row) : undefined
      })
    },

    /**
     * Pays before anybody looks, so that guesses in parallel cannot share one attempt. Undefined when none is left, when the
     * challenge is over, and when the answerer is not its own: he takes no attempt from anybody.
     * @param ref names this attempt, of all there are
     */
    spendAttempt: (id: string, purpose: Challenge['purpose'], answerer: Answerer, ref: string): Promise<Challenge | undefined> => spendShared({ id, purpose, answerer, ref }),

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
      return (await challenges.bulkWrite(all.map((one) => ({ updateOne: consuming(one) })), { session: transaction })).modifiedCount
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

interface Attempt { readonly id: string, readonly purpose: Challenge['purpose'], readonly answerer: Answerer, readonly ref: string }

/** More attempts than any challenge has, so that one is read before it is forgotten. */
const refsKept = 50

export interface Opening { readonly challenge: NewChallenge, readonly ttlSeconds: number }

/** The text is a literal: `$NOW` in it must not be read as an expression. */
const inserting = ({ challenge, ttlSeconds }: Opening) => {
  const fresh = { $mergeObjects: [{ $literal: newDocument(challenge) }, { created_at: '$$NOW', last_sent_at: '$$NOW', expires_at: expiry(ttlSeconds, challenge.actionEndsAt) }] }
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

const renewing = ({ challenge, code, ttlSeconds, commandId, to }: Renewal) => ({
  filter: { _id: challenge.id, ...open, counted_at: null, attempts_left: { $gt: 0 }, resent_by: { $ne: commandId }, $expr: ttlSeconds === undefined ? { $gt: ['$expires_at', '$$NOW'] } : { $or: [{ $eq: ['$action_ends_at', null] }, { $gt: ['$action_ends_at', '$$NOW'] }] } },
  update: [{
    $set: {
      factor_id: { $literal: to.factorId },
      address: { $literal: to.address },
      code_mac: { $literal: code.codeMac },
      pepper_id: { $literal: code.pepperId },
      ...ttlSeconds !== undefined && { expires_at: expiry(ttlSeconds, challenge.actionEndsAt) },
      last_sent_at: '$$NOW',
      sends: { $add: ['$sends', 1] },
      resent_by: { $literal: commandId }
    }
  }]
})

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

/** `$min` passes over a null end. */
const expiry = (ttlSeconds: number, actionEndsAt: Date | null): Document =>
  ({ $min: [{ $add: ['$$NOW', ttlSeconds * 1_000] }, { $literal: actionEndsAt }] })
