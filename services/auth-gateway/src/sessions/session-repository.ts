import type { IdentityKind } from '@countersign/contracts'
import type { Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { Session, SessionState } from './session.ts'

interface SessionDocument {
  _id: string
  userId: string
  /** By which login it was opened: it ends with that one. */
  identityId: string
  method: IdentityKind
  state: SessionState
  createdAt: Date
  expiresAt: Date
  counter: number
  rotatedAt: Date
  endedAt?: Date
  endedReason?: string
  client: { ip: string, userAgent: string }
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly identityId: string
  readonly method: IdentityKind
  readonly ttlSeconds: number
  readonly client: { readonly ip: string, readonly userAgent: string }
}

/** What a refresh token, correct by its MAC, turned out to be. */
export type Rotation =
  | { readonly outcome: 'rotated' | 'repeated', readonly session: Session }
  | { readonly outcome: 'reused', readonly session: Session }
  | { readonly outcome: 'closed' }

export const sessionIndexes = [
  { collection: 'sessions', name: 'by_user', key: { userId: 1, state: 1, createdAt: -1 } },
  { collection: 'sessions', name: 'by_expiry', key: { state: 1, expiresAt: 1 } },
  { collection: 'sessions', name: 'by_end', key: { endedAt: 1 }, sparse: true }
] as const

/** How long the parent of the newest token may be presented again: the answer may have been lost on its way. */
const graceMs = 30_000

export type SessionRepository = ReturnType<typeof createSessionRepository>

/** Lives are decided by the database's clock ($$NOW), never by this process's. */
export function createSessionRepository (mongo: Mongo) {
  const sessions = mongo.db.collection<SessionDocument>('sessions')
  const live = (id: string) => ({ _id: id, state: 'active' as const, $expr: { $gt: ['$expiresAt', '$$NOW'] } })

  return {
    async open ({ id, userId, identityId, method, ttlSeconds, client }: NewSession): Promise<Session> {
      // An upsert with a pipeline lets the database stamp both times.
      const opened = await sessions.findOneAndUpdate({ _id: id }, [{
        $set: {
          userId, identityId: { $literal: identityId }, method, client: { $literal: client }, state: 'active', counter: 0,
          createdAt: '$$NOW', rotatedAt: '$$NOW',
          expiresAt: { $dateAdd: { startDate: '$$NOW', unit: 'second', amount: ttlSeconds } }
        }
      }], { upsert: true, returnDocument: 'after' })
      if (opened === null) throw new Error('a session was not stored')
      return toSession(opened)
    },

    /** @returns the session with what is left of its life by the database's clock. */
    async findLive (id: string): Promise<Session & { readonly remainingMs: number } | undefined> {
      const [found] = await sessions.aggregate<SessionDocument & { remainingMs: number }>([
        { $match: live(id) }, { $set: { remainingMs: { $subtract: ['$expiresAt', '$$NOW'] } } }
      ]).toArray()
      return found === undefined ? undefined : { ...toSession(found), remainingMs: Number(found.remainingMs) }
    },

    /** Ids of sessions that were ended in the last so many milliseconds. */
    async idsEndedWithin (ms: number): Promise<string[]> {
      const found = await sessions.find({ $expr: { $gt: ['$endedAt', { $subtract: ['$$NOW', Math.ceil(ms)] }] } }, { projection: { _id: 1 }, hint: 'by_end' }).toArray()
      return found.map(({ _id }) => _id)
    },

    /** Compare-and-set on the counter: of tabs that race, one rotates and the others repeat its result. */
    async rotate (id: string, counter: number): Promise<Rotation> {
      const rotated = await sessions.findOneAndUpdate({ ...live(id), counter },
        [{ $set: { counter: counter + 1, rotatedAt: '$$NOW' } }], { returnDocument: 'after' })
      if (rotated !== null) return { outcome: 'rotated', session: toSession(rotated) }

      const repeated = await sessions.findOne({
        _id: id, state: 'active', counter: counter + 1,
        $expr: { $and: [{ $gt: ['$expiresAt', '$$NOW'] }, { $gt: [{ $add: ['$rotatedAt', graceMs] }, '$$NOW'] }] }
      })
      if (repeated !== null) return { outcome: 'repeated', session: toSession(repeated) }

      const alive = await sessions.findOne(live(id))
      return alive === null || alive.counter <= counter ? { outcome: 'closed' } : { outcome: 'reused', session: toSession(alive) }
    },

    /** @returns the session when this call ended it, undefined when it was not active. */
    async end (id: string, reason: string, transaction?: ClientSession): Promise<Session | undefined> {
      const ended = await sessions.findOneAndUpdate({ _id: id, state: 'active' },
        [{ $set: { state: 'revoked', endedReason: reason, endedAt: '$$NOW' } }],
        { returnDocument: 'after', ...transaction !== undefined && { session: transaction } })
      return ended === null ? undefined : toSession(ended)
    },

    /** @returns the ids of the sessions that a login had opened and that are ended now. */
    async endOfIdentity (userId: string, identityId: string, reason: string, transaction: ClientSession): Promise<string[]> {
      const open = await sessions.find({ userId, identityId, state: 'active' }, { projection: { _id: 1 }, session: transaction }).toArray()
      const ids = open.map(({ _id }) => _id)
      await sessions.updateMany({ _id: { $in: ids }, state: 'active' }, [{ $set: { state: 'revoked', endedReason: reason, endedAt: '$$NOW' } }], { session: transaction })
      return ids
    },

    /** @returns how many sessions were past their life and are marked now; their rows are kept as history. */
    async markExpired (): Promise<number> {
      const { modifiedCount } = await sessions.updateMany({ state: 'active', $expr: { $lte: ['$expiresAt', '$$NOW'] } },
        [{ $set: { state: 'expired', endedAt: '$$NOW', endedReason: 'expired' } }])
      return modifiedCount
    },

    countActive: (): Promise<number> => sessions.countDocuments({ state: 'active', $expr: { $gt: ['$expiresAt', '$$NOW'] } })
  }
}

const toSession = ({ _id, userId, state, createdAt, expiresAt, counter, endedReason }: SessionDocument): Session =>
  ({ id: _id, userId, state, createdAt, expiresAt, counter, ...(endedReason === undefined ? {} : { endedReason }) })
