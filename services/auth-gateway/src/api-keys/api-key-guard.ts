import { holdsRole, Problem, problems, scopeRoles, type Scope } from '@countersign/contracts'
import { LRUCache } from 'lru-cache'
import type { Limiter } from '@countersign/redis'
import type { User } from '../users/user.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { ApiKey, KeyMode } from './api-key.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import type { KeyTexts } from './key-text.ts'
import { isWithin } from './networks.ts'

export interface KeyGuardDeps {
  readonly keys: Pick<ApiKeyRepository, 'findLive' | 'noteUse'>
  readonly users: Pick<UserRepository, 'find'>
  readonly texts: Pick<KeyTexts, 'read'>
  readonly limiter: Pick<Limiter, 'take'>
  /** Modes that this gateway takes. */
  readonly modes: readonly KeyMode[]
  readonly warn: (error: unknown, text: string) => void
}

/** Who calls with a key. */
export interface KeyCaller {
  readonly key: ApiKey
  readonly user: User
}

export type ApiKeyGuard = (text: string, address: string, scope: Scope | undefined) => Promise<KeyCaller>

/** So long may a revoked key still be taken, and a last use be behind. */
const freshMs = 1_000
const notedEveryMs = 60_000

/**
 * A key is what it is at this use: its owner's roles are asked again, so that a scope dies with the role that allowed it.
 * @throws Problem unauthorized, alike for every key that is no good; insufficientScope; rateLimited
 */
export function createApiKeyGuard ({ keys, users, texts, limiter, modes, warn }: KeyGuardDeps): ApiKeyGuard {
  // The time is taken anew at each look: the second is a promise.
  const recent = new LRUCache<string, KeyCaller>({ max: 10_000, ttl: freshMs, ttlResolution: 0 })
  const noted = new LRUCache<string, true>({ max: 10_000, ttl: notedEveryMs })

  async function callerOf (text: string): Promise<KeyCaller | undefined> {
    const given = texts.read(text)
    if (given === undefined || !modes.includes(given.mode)) return undefined
    const known = recent.get(given.mac)
    if (known !== undefined) return known
    const askedAt = performance.now()
    const key = await keys.findLive(given.mac)
    const user = key === undefined ? undefined : await users.find(key.userId)
    if (key === undefined || user === undefined) return undefined
    recent.set(given.mac, { key, user }, { start: askedAt })
    return { key, user }
  }

  async function count ({ id, maxPerMinute }: ApiKey): Promise<void> {
    // As the general limit: while Redis is away nothing is counted, and the key itself is still checked.
    const verdict = await limiter.take([{ key: `key:${id}`, max: maxPerMinute, windowMs: 60_000 }]).catch((error: unknown) => { warn(error, 'uses of API keys are not counted') })
    if (verdict?.allowed === false) throw new Problem(problems.rateLimited, { retry_after: Math.ceil(verdict.retryAfterMs / 1000) })
  }

  function note ({ id }: ApiKey): void {
    if (noted.has(id)) return
    noted.set(id, true)
    keys.noteUse(id).catch((error: unknown) => { warn(error, 'the use of an API key was not noted') })
  }

  return async (text, address, scope) => {
    const caller = await callerOf(text)
    if (caller === undefined) throw new Problem(problems.unauthorized)
    const { key, user } = caller
    if (key.networks.length > 0 && !isWithin(key.networks, address)) throw new Problem(problems.unauthorized)
    await count(key)
    note(key)
    if (scope === undefined || !key.scopes.includes(scope) || !holdsRole(user.roles, scopeRoles[scope] ?? 'user')) throw new Problem(problems.insufficientScope)
    return caller
  }
}
