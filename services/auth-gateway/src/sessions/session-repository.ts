import { walletFamilies, type IdentityKind } from '@countersign/contracts'
import { gather, inTransaction, literally, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { seenLately } from './device-repository.ts'
import type { Session, SessionClient, SessionState } from './session.ts'

interface SessionDocument {
  _id: string
  userId: string
  epoch: number
  method: IdentityKind
  /** By which login it was opened: it ends with that one. */
  identityId: string
  state: SessionState
  createdAt: Date
  expiresAt: Date
  lastSeenAt: Date
  counter: number
  rotatedAt: Date
  endedAt?: Date
  endedReason?: string
  client: SessionClient
  /** In `devices`: a keyed hash of its user, browser and network. */
  deviceId: string
  /** Of a session whose caller sends its secret. */
  secretHash?: string
  connectionId?: string
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly epoch: number
  readonly method: IdentityKind
  readonly identityId: string
  readonly ttlSeconds: number
  readonly client: SessionClient
  readonly deviceId: string
  readonly secretHash?: string
  readonly connectionId?: string
}

/** What a refresh token, correct by its MAC, turned out to be. */
export type Rotation =
  | { readonly outcome: 'rotated' | 'repeated', readonly session: Session }
  | { readonly outcome: 'reused', readonly session: Session }
  | { readonly outcome: 'closed' }

/** Which sessions of a user outlive a revocation: those that meet all that is said. */
export interface Spared {
  readonly sessionId?: string
  /** Every session that this login did not open. */
  readonly otherThanIdentity?: string
}

export const sessionIndexes = [
  { collection: 'sessions', name: 'of_user', key: { userId: 1, state: 1, _id: -1 } },
  { collection: 'sessions', name: 'by_secret', key: { secretHash: 1 }, unique: true, sparse: true },
  { collection: 'sessions', name: 'of_connection', key: { connectionId: 1, state: 1 }, sparse: true },
  { collection: 'sessions', name: 'by_expiry', key: { state: 1, expiresAt: 1 } },
  { collection: 'sessions', name: 'by_revocation', key: { endedAt: 1 }, partialFilterExpression: { state: 'revoked' } }
] as const

/** How long the parent of the newest token may be presented again: the answer may have been lost on its way. */
const graceMs = 30_000
/** A session in use is written that often at most. */
const seenEveryMs = 60_000
const batchSize = 500

export interface SessionRepositoryOptions {
  /** Without a request for so long a session is over; Infinity leaves it to its absolute life. */
  readonly idleSeconds: number
}

export type SessionRepository = ReturnType<typeof createSessionRepository>

/** Lives are decided by the database's clock ($$NOW), never by this process's. */
export function createSessionRepository (mongo: Mongo, { idleSeconds }: SessionRepositoryOptions) {
  const sessions = mongo.db.collection<SessionDocument>('sessions')
  const end = Number.isFinite(idleSeconds) ? { $min: ['$expiresAt', { $add: ['$lastSeenAt', idleSeconds * 1000] }] } : '$expiresAt'
  const unexpired = { state: 'active' as const, $expr: { $gt: [end, '$$NOW'] } }
  const live = (id: string) => ({ _id: id, ...unexpired })
  const countBy = async (by: unknown): Promise<Map<string, number>> => {
    const found = await sessions.aggregate<{ _id: string, count: number }>([{ $match: unexpired }, { $group: { _id: by, count: { $sum: 1 } } }]).toArray()
    return new Map(found.map(({ _id, count }) => [_id, count]))
  }

  /**
   * Compare-and-set on the counter, for all who come at the same time in one transaction: what changes after it was read makes a conflict,
   * and the transaction begins again. @returns undefined for each that found another counter, or no live session
   */
  const rotateOnce = gather(async (rotations: readonly { readonly id: string, readonly counter: number }[]) =>
    await inTransaction(mongo, async (transaction) => {
      const found = await sessions.find({ _id: { $in: rotations.map(({ id }) => id) }, ...unexpired }, { session: transaction }).toArray()
      const due = new Map(found.map((document) => [document._id, document]))
      const rotated = rotations.map(({ id, counter }) => {
        const document = due.get(id)
        if (document?.counter !== counter) return undefined
        due.delete(id)
        return toSession({ ...document, counter: counter + 1 })
      })
      const ids = rotated.flatMap((session) => session === undefined ? [] : [session.id])
      if (ids.length > 0) await sessions.updateMany({ _id: { $in: ids } }, [{ $set: { counter: { $add: ['$counter', 1] }, rotatedAt: '$$NOW', lastSeenAt: '$$NOW' } }], { session: transaction })
      return rotated
    }))

  return {
    async openAll (openings: readonly NewSession[], transaction: ClientSession): Promise<void> {
      // An upsert with a pipeline lets the database stamp all times.
      await sessions.bulkWrite(openings.map(({ id, ttlSeconds, ...fields }) => ({
        updateOne: {
          filter: { _id: id },
          update: [{
            $replaceWith: {
              $mergeObjects: [literally({ _id: id, ...fields, state: 'active', counter: 0 }), {
                createdAt: '$$NOW', rotatedAt: '$$NOW', lastSeenAt: '$$NOW', expiresAt: { $add: ['$$NOW', ttlSeconds * 1000] }
              }]
            }
          }],
          upsert: true
        }
      })), { session: transaction, ordered: false })
    },

    /** @returns the session in whatever state, with its user's epoch as it is now; no epoch when the account is not in use. And whether its device need not be noted. */
    findOpened: gather(async (ids: readonly string[]) => {
      const found = await sessions.aggregate<SessionDocument & { userEpoch?: number, isDeviceKnown: boolean }>([
        { $match: { _id: { $in: [...ids] } } },
        { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
        { $lookup: { from: 'devices', localField: 'deviceId', foreignField: '_id', as: 'device' } },
        { $set: {
          userEpoch: { $first: { $map: { input: { $filter: { input: '$user', cond: { $eq: ['$$this.state', 'active'] } } }, in: '$$this.sessionEpoch' } } },
          isDeviceKnown: { $anyElementTrue: { $map: { input: '$device', in: seenLately('$$this.seenAt') } } }
        } },
        { $unset: ['user', 'device'] }
      ]).toArray()
      const byId = new Map(found.map(({ userEpoch, isDeviceKnown, ...document }) => [document._id, { session: toSession(document), userEpoch, isDeviceKnown }]))
      return ids.map((id) => byId.get(id))
    }),

    /** @returns the session in whatever state. */
    find: gather(async (ids: readonly string[]) => {
      const found = await sessions.find({ _id: { $in: [...ids] } }).toArray()
      const byId = new Map(found.map((document) => [document._id, toSession(document)]))
      return ids.map((id) => byId.get(id))
    }),

    /** @returns the session with what is left of its life by the database's clock. Its epoch is for the caller to compare. */
    async findLive (id: string): Promise<Session & { readonly remainingMs: number } | undefined> {
      const [found] = await sessions.aggregate<SessionDocument & { remainingMs: number }>([
        { $match: live(id) }, { $set: { remainingMs: { $subtract: [end, '$$NOW'] } } }
      ]).toArray()
      return found === undefined ? undefined : { ...toSession(found), remainingMs: Number(found.remainingMs) }
    },

    /**
     * Asked inside the transaction of a lasting change: a request may have come through the door long before its body, and what was revoked
     * in between must leave nothing behind.
     */
    async stillOpen (id: string, transaction: ClientSession): Promise<boolean> {
      const found = await sessions.aggregate([
        { $match: live(id) },
        { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
        { $match: { $expr: { $gte: ['$epoch', { $first: '$user.sessionEpoch' }] } } },
        { $project: { _id: 1 } }
      ], { session: transaction }).toArray()
      return found.length === 1
    },

    /** @returns the session in whatever state, when it is this user's. */
    async findOwn (id: string, userId: string): Promise<Session | undefined> {
      const found = await sessions.findOne({ _id: id, userId })
      return found === null ? undefined : toSession(found)
    },

    /** @returns whose secret it is, whatever the state of the session. */
    async findBySecret (secretHash: string): Promise<Pick<Session, 'id' | 'userId'> | undefined> {
      const found = await sessions.findOne({ secretHash }, { projection: { userId: 1 } })
      return found === null ? undefined : { id: found._id, userId: found.userId }
    },

    /** @returns whether this user ever had another session */
    async hadOthers (userId: string, id: string, transaction: ClientSession): Promise<boolean> {
      return await sessions.findOne({ userId, _id: { $ne: id } }, { projection: { _id: 1 }, session: transaction }) !== null
    },

    /** Sessions that were opened through a wallet connection and have not ended. */
    async idsOfConnection (connectionId: string): Promise<string[]> {
      const found = await sessions.find({ connectionId, state: 'active' }, { projection: { _id: 1 } }).toArray()
      return found.map(({ _id }) => _id)
    },

    /** Open and past ones, newest first. */
    async history (userId: string, limit: number): Promise<(Session & { readonly endedAt?: Date })[]> {
      const found = await sessions.find({ userId }).sort({ _id: -1 }).limit(limit).toArray()
      return found.map((session) => ({ ...toSession(session), ...session.endedAt && { endedAt: session.endedAt } }))
    },

    /** Open sessions of this epoch, newest first, from the one after `before` on. */
    async listLive (userId: string, { epoch, limit, before }: { readonly epoch: number, readonly limit: number, readonly before?: string | undefined }): Promise<Session[]> {
      const found = await sessions.find({ userId, epoch: { $gte: epoch }, ...unexpired, ...before !== undefined && { _id: { $lt: before } } })
        .sort({ _id: -1 }).limit(limit).toArray()
      return found.map(toSession)
    },

    /** Whether its holder proved who they are within the last so many seconds: its own time, never inferred from a token's. */
    async provedWithin (id: string, seconds: number): Promise<boolean> {
      return await sessions.countDocuments({ _id: id, state: 'active', $expr: { $gt: [{ $add: ['$createdAt', seconds * 1000] }, '$$NOW'] } }, { limit: 1 }) === 1
    },

    /** Ids of sessions that were revoked in the last so many milliseconds. Expired ones need no watching: no copy outlives them. */
    async idsRevokedWithin (ms: number): Promise<string[]> {
      const found = await sessions.find({ state: 'revoked', $expr: { $gt: ['$endedAt', { $subtract: ['$$NOW', Math.ceil(ms)] }] } },
        { projection: { _id: 1 }, hint: 'by_revocation' }).toArray()
      return found.map(({ _id }) => _id)
    },

    /** Of tabs that race, one rotates and the others repeat its result. */
    async rotate (id: string, counter: number): Promise<Rotation> {
      const rotated = await rotateOnce({ id, counter })
      if (rotated !== undefined) return { outcome: 'rotated', session: rotated }

      const repeated = await sessions.findOne({
        _id: id, state: 'active', counter: counter + 1,
        $expr: { $and: [unexpired.$expr, { $gt: [{ $add: ['$rotatedAt', graceMs] }, '$$NOW'] }] }
      })
      if (repeated !== null) return { outcome: 'repeated', session: toSession(repeated) }

      const alive = await sessions.findOne(live(id))
      return alive === null || alive.counter <= counter ? { outcome: 'closed' } : { outcome: 'reused', session: toSession(alive) }
    },

    /** Notes that these sessions are in use, those that were noted within the last minute excepted. */
    async markSeen (ids: readonly string[]): Promise<void> {
      await sessions.updateMany({ _id: { $in: [...ids] }, state: 'active', $expr: { $lt: ['$lastSeenAt', { $subtract: ['$$NOW', seenEveryMs] }] } },
        [{ $set: { lastSeenAt: '$$NOW' } }])
    },

    /** @returns the session when this call ended it, undefined when it was not active. */
    async end (id: string, reason: string, transaction?: ClientSession): Promise<Session | undefined> {
      const ended = await sessions.findOneAndUpdate({ _id: id, state: 'active' }, [revoked(reason)], { returnDocument: 'after', ...inSession(transaction) })
      return ended === null ? undefined : toSession(ended)
    },

    /** Takes sessions of a user over into the epoch that follows theirs. */
    async carryOver (userId: string, epoch: number, { sessionId, otherThanIdentity }: Spared, transaction: ClientSession): Promise<void> {
      await sessions.updateMany({
        userId, state: 'active', epoch: epoch - 1,
        ...sessionId !== undefined && { _id: sessionId },
        ...otherThanIdentity !== undefined && { identityId: { $ne: otherThanIdentity } }
      }, { $set: { epoch } }, { session: transaction })
    },

    /** Ends what is left of earlier epochs. @returns those sessions, as they were. */
    async endBefore (userId: string, epoch: number, reason: string): Promise<Session[]> {
      const all: Session[] = []
      for (;;) {
        const found = await sessions.find({ userId, epoch: { $lt: epoch }, ...unexpired }).limit(batchSize).toArray()
        await sessions.updateMany({ _id: { $in: found.map(({ _id }) => _id) }, state: 'active' }, [revoked(reason)])
        all.push(...found.map(toSession))
        if (found.length < batchSize) return all
      }
    },

    /** @returns how many sessions were past their life and are marked now; their rows are kept as history. */
    async markExpired (): Promise<number> {
      const { modifiedCount } = await sessions.updateMany({ state: 'active', $expr: { $lte: [end, '$$NOW'] } },
        [{ $set: { state: 'expired', endedAt: '$$NOW', endedReason: 'expired' } }])
      return modifiedCount
    },

    countActive: (): Promise<number> => sessions.countDocuments(unexpired),

    /** Open sessions by what opened them. */
    countByMethod: (): Promise<Map<string, number>> => countBy('$method'),

    /** Open sessions by the network of the wallet that opened them (CAIP-2: `stacks:1`; `eip155:0` stands for every EVM chain), else by kind of login. */
    async countByNetwork (): Promise<Map<string, number>> {
      const part = (index: number) => ({ $arrayElemAt: [{ $split: ['$identityId', ':'] }, index] })
      const network = { $cond: [{ $in: ['$method', [...walletFamilies]] }, { $concat: [part(0), ':', part(1)] }, '$method'] }
      return await countBy(network)
    }
  }
}

const revoked = (reason: string) => ({ $set: { state: 'revoked', endedReason: literally(reason), endedAt: '$$NOW' } })

const inSession = (transaction: ClientSession | undefined) => transaction === undefined ? {} : { session: transaction }

const toSession = ({ _id, rotatedAt: _rotatedAt, endedAt: _endedAt, secretHash: _secretHash, deviceId: _deviceId, ...rest }: SessionDocument): Session => ({ id: _id, ...rest })
