/**
 * The state of a session for each request: at most one second old in this process, else one Redis round trip, else MongoDB.
 * Whether it has ended is asked first, and that is MongoDB's word alone (ended-sessions.ts). How long it lives was computed by
 * MongoDB and is only counted down here and in Redis: no process clock decides it.
 */
import type { UserView } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import type { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import type { User } from '../users/user.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { userView } from '../users/user-view.ts'
import type { EndedSessions } from './ended-sessions.ts'
import type { SessionRepository } from './session-repository.ts'

export interface OpenSession {
  readonly id: string
  readonly userId: string
  readonly user: UserView
}

export interface SessionStateDeps {
  readonly redis: Redis
  readonly sessions: Pick<SessionRepository, 'findLive'>
  readonly users: Pick<UserRepository, 'find'>
  readonly ended: Pick<EndedSessions, 'has' | 'add'>
  readonly log: Logger
}

const freshMs = 1_000
/** A copy in Redis is asked for nothing but speed; the watch on ended sessions remembers for as long. */
export const keptMs = 600_000
const sessionKey = (id: string): string => `gw:session:${id}`
const userKey = (id: string): string => `gw:user:${id}`

/** KEYS[1] user, ARGV: version, text, milliseconds. Replaces an older copy only; versions are small integers, safe as doubles. */
const keepNewerUser = `
local kept = redis.call('GET', KEYS[1])
if kept then
  local version = tonumber(string.match(kept, '^(%d+) '))
  if version and version >= tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`

export type SessionStates = ReturnType<typeof createSessionStates>

export function createSessionStates ({ redis, sessions, users, ended, log }: SessionStateDeps) {
  const recent = new LRUCache<string, OpenSession>({ max: 50_000, ttl: freshMs })

  /** @returns the open session of that user, or undefined when it is closed, expired or unknown. */
  async function find (id: string, userId: string): Promise<OpenSession | undefined> {
    const fresh = recent.get(id)
    const askedAt = performance.now()
    const open = fresh ?? await readKept(id, userId) ?? await load(id, userId)
    // Asked last: it may have ended while the others were being read.
    if (open === undefined || ended.has(id) || open.userId !== userId) return undefined
    // The second counts from before the reading, however long that took.
    if (fresh === undefined) recent.set(id, open, { start: askedAt })
    return open
  }

  /** undefined: Redis does not know enough, or is away; ask MongoDB. */
  async function readKept (id: string, userId: string): Promise<OpenSession | undefined> {
    try {
      // Both in one round trip; two GETs and not one MGET, since the keys may live on two nodes of a cluster.
      const [owner, user] = await Promise.all([redis.get(sessionKey(id)), redis.get(userKey(userId))])
      if (owner !== userId || user === null) return undefined
      return { id, userId, user: JSON.parse(user.slice(user.indexOf(' ') + 1)) as UserView }
    } catch (error) {
      log.warn({ err: error }, 'session state not read from Redis; MongoDB is asked')
      return undefined
    }
  }

  async function load (id: string, userId: string): Promise<OpenSession | undefined> {
    const session = await sessions.findLive(id)
    if (session?.userId !== userId) return undefined
    const user = await users.find(userId)
    if (user === undefined) return undefined
    await keep(id, user, session.remainingMs)
    return { id, userId, user: userView(user) }
  }

  async function keep (id: string, user: User, remainingMs: number): Promise<void> {
    const life = Math.floor(Math.min(keptMs, remainingMs))
    if (life < 1) return
    await tolerant(Promise.all([redis.set(sessionKey(id), user.id, 'PX', life), keepUser(user)]))
  }

  const keepUser = (user: User): Promise<unknown> =>
    redis.eval(keepNewerUser, 1, userKey(user.id), user.version, JSON.stringify(userView(user)), keptMs)

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

    /** After the user was changed in MongoDB; other processes see it within a second. */
    async userChanged (user: User, sessionId: string): Promise<void> {
      recent.delete(sessionId)
      await tolerant(keepUser(user))
    }
  }
}
