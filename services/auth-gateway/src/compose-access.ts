/** API keys, roles and the audit, joined; and the one door through which every caller comes. */
import { Problem, problems, type Role } from '@countersign/contracts'
import { inTransaction, type Audit } from '@countersign/mongo'
import { createLimiter } from '@countersign/redis'
import { newId, type Logger } from '@countersign/runtime'
import { createCursors, deriveKey, randomHex } from '@countersign/secrets'
import { createAssurance } from './access/assurance.ts'
import { createAccessGuard } from './access/guard.ts'
import { createRefusals } from './access/refusals.ts'
import { createApiKeyGuard } from './api-keys/api-key-guard.ts'
import { createApiKeyRepository } from './api-keys/api-key-repository.ts'
import { createKeyTexts } from './api-keys/key-text.ts'
import { createManageApiKeys } from './api-keys/manage-api-keys.ts'
import type { composeSessions } from './compose-sessions.ts'
import type { GatewayConfig } from './config.ts'
import { createAuditReader } from './operators/audit-reader.ts'
import { createReadAudit } from './operators/read-audit.ts'
import { createHasFactor } from './step-ups/has-factor.ts'
import { createStepUpRepository } from './step-ups/step-up-repository.ts'
import type { Stores } from './stores.ts'
import { createRoleRepository, type RoleChange } from './users/role-repository.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeAccessOptions {
  readonly config: GatewayConfig
  readonly stores: Pick<Stores, 'mongo' | 'redis' | 'commands'>
  readonly users: UserRepository
  readonly audit: Audit
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'guard' | 'isFresh' | 'stillOpen' | 'tellUser'>
  readonly log: Logger
}

export function composeAccess ({ config, stores: { mongo, redis, commands }, users, audit, sessions, log }: ComposeAccessOptions) {
  const keys = createApiKeyRepository(mongo)
  const texts = createKeyTexts({ key: deriveKey(config.secretKey, 'api-key'), randomHex: () => randomHex(32) })
  const roles = createRoleRepository({ mongo, audit })
  const limiter = createLimiter({ redis, prefix: 'gw:{limits}' })
  const rolesOf = async (userId: string): Promise<readonly Role[]> => (await users.find(userId))?.roles ?? []
  const byKey = createApiKeyGuard({
    keys, users, texts,
    limiter,
    modes: config.strict ? ['live'] : ['live', 'test'],
    warn: (err, text) => { log.warn({ err }, text) }
  })
  const assurance = createAssurance({ isFresh: sessions.isFresh, hasFactor: createHasFactor({ users, commands }), stepUps: createStepUpRepository(mongo) })
  return {
    assurance,
    guard: createAccessGuard({ bySession: sessions.guard, byKey, assurance, refusals: createRefusals({ limiter, max: config.rateLimit.max, windowMs: config.rateLimit.windowMs }), rolesOf }),
    apiKeys: createManageApiKeys({
      keys, texts, audit,
      inTransaction: (work) => inTransaction(mongo, work),
      takeTurn: users.takeTurn,
      users,
      tellUser: sessions.tellUser,
      stillOpen: sessions.stillOpen,
      newId: () => newId('key'),
      mode: config.strict ? 'live' : 'test'
    }),
    readAudit: createReadAudit({ rows: createAuditReader(mongo), cursors: createCursors(deriveKey(config.secretKey, 'audit-cursor')) }),
    setUserRoles: ({ sessionId, ...change }: RoleChange & { readonly sessionId: string }) => roles.set(change, async (transaction) => {
      if (!await sessions.stillOpen(sessionId, transaction)) throw new Problem(problems.unauthorized)
    }),
    revokeKeysMadeBy: keys.revokeAll
  }
}
