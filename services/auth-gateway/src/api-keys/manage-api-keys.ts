import { holdsRole, Problem, problems, scopeRoles, type NewApiKey, type Scope } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { apiKeyView, type ApiKey, type KeyMode } from './api-key.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import type { KeyTexts } from './key-text.ts'
import { isNetwork } from './networks.ts'

export interface ManageDeps {
  readonly keys: Pick<ApiKeyRepository, 'insert' | 'countLive' | 'list' | 'replace' | 'revoke'>
  readonly texts: Pick<KeyTexts, 'draw'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  /** Locks the user's row, so that keys are counted one request after the other; false when the account is not in use, or the login is gone. */
  readonly takeTurn: (userId: string, identityId: string, transaction: ClientSession) => Promise<boolean>
  readonly users: Pick<UserRepository, 'find'>
  readonly tellUser: TellUser
  readonly stillOpen: (sessionId: string, transaction: ClientSession) => Promise<boolean>
  readonly newId: () => string
  /** Of keys whose maker chose none. */
  readonly mode: KeyMode
}

export interface Maker {
  readonly userId: string
  readonly sessionId: string
  /** The login of the session. */
  readonly identityId: string
  readonly requestId: string
}

export interface KeyWish {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly mode?: KeyMode
  readonly expiresInDays?: number
  readonly networks?: readonly string[]
  readonly maxPerMinute?: number
}

const nobody = { roles: [], email: null } as const
const mostKeys = 50
/** Predecessors whose overlap runs, besides. */
const mostWithOverlaps = 100
const daySeconds = 86_400
const usualPerMinute = 600

export type ManageApiKeys = ReturnType<typeof createManageApiKeys>

export const createManageApiKeys = ({ keys, texts, audit, inTransaction, takeTurn, users, tellUser, stillOpen, newId, mode: usualMode }: ManageDeps) => {
  /** @throws Problem unauthorized, tooMany */
  async function admit ({ userId, identityId, sessionId }: Pick<Maker, 'userId' | 'identityId' | 'sessionId'>, most: number, transaction: ClientSession): Promise<void> {
    if (!await takeTurn(userId, identityId, transaction) || !await stillOpen(sessionId, transaction)) throw new Problem(problems.unauthorized)
    if (await keys.countLive(userId, transaction) >= most) throw new Problem(problems.tooMany, { detail: `An account has ${mostKeys} API keys at most. Revoke one first.` })
  }

  return {
    /** @throws Problem roleRequired for a scope wider than the maker's roles, tooMany, schemaViolation for a network that is none */
    async create ({ name, scopes, mode = usualMode, expiresInDays, networks = [], maxPerMinute = usualPerMinute }: KeyWish, maker: Maker): Promise<NewApiKey> {
      const { userId, identityId, requestId } = maker
      const { roles, email } = await users.find(userId) ?? nobody
      const wide = scopes.find((scope) => !holdsRole(roles, scopeRoles[scope] ?? 'user'))
      if (wide !== undefined) throw new Problem(problems.roleRequired, { detail: `The scope ${wide} needs the role ${scopeRoles[wide] ?? ''}.` })
      const odd = networks.findIndex((network) => !isNetwork(network))
      if (odd !== -1) throw new Problem(problems.schemaViolation, { faults: [{ path: `body/networks/${odd}`, message: 'is not an address or CIDR block' }] })

      const id = newId()
      const { text, mac, lastFour } = texts.draw(mode)
      let tell = untold
      const made = await inTransaction(async (transaction) => {
        await admit(maker, mostKeys, transaction)
        tell = await tellUser(email, { template: 'api_key_created', name, last4: lastFour }, requestId, transaction)
        await audit.append({ event: 'api_key.created', subject: id, actor: userId, requestId, facts: { scopes: [...scopes] } }, transaction)
        const life = expiresInDays === undefined ? undefined : { seconds: expiresInDays * daySeconds }
        return await keys.insert(id, { userId, madeBy: identityId, name, mode, scopes, networks, maxPerMinute }, { mac, lastFour }, life, transaction)
      })
      await tell()
      return { ...apiKeyView(made), key: text }
    },

    list: (userId: string): Promise<ApiKey[]> => keys.list(userId),

    /** @throws Problem notFound, also for one that has ended; stateConflict when it was rotated before */
    async rotate (id: string, overlapHours: number, maker: Maker): Promise<NewApiKey> {
      const { userId, requestId } = maker
      const known = (await keys.list(userId)).find((key) => key.id === id)
      if (known === undefined || known.revokedAt !== null) throw new Problem(problems.notFound)
      const successor = newId()
      const { text, mac, lastFour } = texts.draw(known.mode)
      const { email } = await users.find(userId) ?? nobody
      let tell = untold
      const made = await inTransaction(async (transaction) => {
        await admit(maker, mostWithOverlaps, transaction)
        const old = await keys.replace(userId, id, successor, overlapHours * 3_600, transaction)
        if (old === undefined) throw new Problem(problems.stateConflict, { detail: 'This key was rotated before, or it has ended.' })
        await audit.append({ event: 'api_key.rotated', subject: id, actor: userId, requestId, facts: { successor } }, transaction)
        const { madeBy, name, mode, scopes, networks, maxPerMinute, expiresAt } = old
        tell = await tellUser(email, { template: 'api_key_created', name, last4: lastFour }, requestId, transaction)
        return await keys.insert(successor, { userId, madeBy, name, mode, scopes, networks, maxPerMinute }, { mac, lastFour }, expiresAt === null ? undefined : { until: expiresAt }, transaction)
      })
      await tell()
      return { ...apiKeyView(made), key: text }
    },

    /** Again is no fault. @throws Problem notFound */
    async revoke (id: string, { userId, requestId }: Pick<Maker, 'userId' | 'requestId'>): Promise<void> {
      await inTransaction(async (transaction) => {
        if (!await keys.revoke(userId, id, transaction)) throw new Problem(problems.notFound)
        await audit.append({ event: 'api_key.revoked', subject: id, actor: userId, requestId }, transaction)
      })
    }
  }
}
