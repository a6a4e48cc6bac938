/**
 * The state of a session for each request: at most one second old in this process, else one Redis round trip, else MongoDB.
 * Whether it has ended is asked first and last, and that is MongoDB's word alone (ended-sessions.ts). How long it lives was computed by
 * MongoDB and is only counted down here and in Redis: no process clock decides it.
 */
import type { UserView } from '@countersign/contracts'
import { defineScript } from '@countersign/redis'
import type { Logger } from '@countersign/runtime'
import type { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import type { User } from '../users/user.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { userView } from '../users/user-view.ts'
import type { EndedSessions } from './ended-sessions.ts'
import { readKeptSession, writeKeptSession, type KeptSession } from './kept-session.ts'
import type { SeenSessions } from './seen-sessions.ts'
import type { Session } from './session.ts'
import type { SessionRepository } from './session-repository.ts'

export interface OpenSession extends KeptSession {
  readonly user: UserView
}

export interface SessionStateDeps {
  readonly redis: Redis
  readonly sessions: Pick<SessionRepository, 'findLive'>
  readonly users: Pick<UserRepository, 'find'>
  readonly ended: Pick<EndedSessions, 'has' | 'epochOf' | 'isBlind' | 'add' | 'raise'>
  readonly seen: Pick<SeenSessions, 'note'>
  readonly log: Logger
}

const freshMs = 1_000
/** A copy in Redis is asked for nothing but speed; the watch on ended sessions remembers for longer. */
export const keptMs = 600_000
const sessionKey = (id: string): string => `gw:session:${id}`
const userKey = (id: string): string => `gw:user:${id}`

/** KEYS[1] user, ARGV: version, text, milliseconds. Replaces an older copy only; versions are small integers, safe as doubles. */
const keepNewerUser = defineScript(`
local kept = redis.call('GET', KEYS[1])
if kept then
  local version = tonumber(string.match(kept, '^(%d+) '))
  if version and version >= tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`)

export type SessionStates = ReturnType<typeof createSessionStates>

export function createSessionStates ({ redis, sessions, users, ended, seen, log }: SessionStateDeps) {
  const recent = new LRUCache<string, OpenSession>({ max: 50_000, ttl: freshMs })
  const asking = new Map<string, Promise<OpenSession | undefined>>()

  /** @returns the open session of that user, or undefined when it is closed, expired or unknown. */
  async function find (id: string, userId: string): Promise<OpenSession | undefined> {
    if (ended.has(id)) return undefined
    const fresh = recent.get(id)
    const askedAt = performance.now()
    const open = fresh !== undefined && !isOutdated(fresh) && !ended.isBlind() ? fresh : await askOnce(id, userId)
    // Asked again: it may have ended while the others were being read.
    if (open === undefined || ended.has(id) || isOutdated(open) || open.userId !== userId) return undefined
    // The second counts from before the reading, however long that took.
    if (open !== fresh) recent.set(id, open, { start: askedAt })
    seen.note(id)
    return open
  }

  /** The user's sessions were revoked after this was read: only MongoDB knows whether this one was spared. */
  const isOutdated = ({ userId, epoch }: OpenSession): boolean => epoch < ended.epochOf(userId)

  /** Requests of one session that come together ask once: after Redis was emptied MongoDB is not asked for each of them. */
  function askOnce (id: string, userId: string): Promise<OpenSession | undefined> {
    const question = `${id} ${userId}`
    const asked = asking.get(question) ?? ask(id, userId).finally(() => asking.delete(question))
    asking.set(question, asked)
    return asked
  }

  async function ask (id: string, userId: string): Promise<OpenSession | undefined> {
    const kept = ended.isBlind() ? undefined : await readKept(id, userId)
    if (kept !== undefined && !isOutdated(kept)) return kept
    const loaded = await load(id, userId)
    return loaded !== undefined && isOutdated(loaded) ? await load(id, userId) : loaded
  }

  /** undefined: Redis does not know enough, or is away; ask MongoDB. */
  async function readKept (id: string, userId: string): Promise<OpenSession | undefined> {
    try {
      // Both in one round trip; two GETs and not one MGET, since the keys may live on two nodes of a cluster.
      const [session, user] = await Promise.all([redis.get(sessionKey(id)), redis.get(userKey(userId))])
      const kept = session === null ? undefined : readKeptSession(session)
      if (kept?.userId !== userId || user === null) return undefined
      return { ...kept, user: JSON.parse(user.slice(user.indexOf(' ') + 1)) as UserView }
    } catch (error) {
      log.warn({ err: error }, 'session state not read from Redis; MongoDB is asked')
      return undefined
    }
  }

  async function load (id: string, userId: string): Promise<OpenSession | undefined> {
    // In this order: a session that is carried over into a new epoch in between is then ahead of its user, never behind.
    const user = await users.find(userId)
    if (user === undefined) return undefined
    const session = await sessions.findLive(id)
    if (session?.userId !== userId || session.epoch < user.sessionEpoch) return undefined
    await keep(session, user, session.remainingMs)
    return { ...keptOf(session), user: userView(user) }
  }

  async function keep (session: Session, user: User, remainingMs: number): Promise<void> {
    const life = Math.floor(Math.min(keptMs, remainingMs))
    if (life < 1) return
    await tolerant(Promise.all([redis.set(sessionKey(session.id), writeKeptSession(keptOf(session)), 'PX', life), keepUser(user)]))
  }

  const keepUser = (user: User): Promise<unknown> =>
    keepNewerUser(redis, [userKey(user.id)], [user.version, JSON.stringify(userView(user)), keptMs])

  async function tolerant (work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      log.warn({ err: error }, 'session state not kept in Redis')
    }
  }

  return {
    find,
    keep,

    /** After the session was ended in MongoDB: at once here, within a second elsewhere, with or without Redis. */
    async close (id: string): Promise<void> {
      ended.add(id)
      await tolerant(redis.del(sessionKey(id)))
    },

    /** After the user's epoch was raised in MongoDB: at once here, within a second elsewhere. */
    raise (userId: string, epoch: number): void {
      ended.raise(userId, epoch)
    },

    /** After the account was closed in MongoDB: nobody is read from here any more, and no copy of the profile is left. */
    async forget (userId: string): Promise<void> {
      await tolerant(redis.del(userKey(userId)))
    },

    /** After the user was changed in MongoDB; other processes see it within a second. */
    async userChanged (user: User, sessionId?: string): Promise<void> {
      if (sessionId !== undefined) recent.delete(sessionId)
      await tolerant(keepUser(user))
    }
  }
}

const keptOf = ({ id, userId, epoch, method, identityId, connectionId, createdAt, expiresAt }: Session): KeptSession =>
  ({ id, userId, epoch, method, identityId, ...connectionId !== undefined && { connectionId }, openedAt: createdAt, expiresAt })
