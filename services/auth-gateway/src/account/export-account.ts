import { exportedRows, Problem, problems, type AccountExport, type PastSession } from '@countersign/contracts'
import { apiKeyView } from '../api-keys/api-key.ts'
import type { ApiKeyRepository } from '../api-keys/api-key-repository.ts'
import type { AuditReader } from '../operators/audit-reader.ts'
import type { Session } from '../sessions/session.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { SessionRepository } from '../sessions/session-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { userView } from '../users/user-view.ts'

export interface ExportDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly sessions: Pick<SessionRepository, 'history'>
  readonly passwords: Pick<PasswordRepository, 'changesOf'>
  readonly keys: Pick<ApiKeyRepository, 'list'>
  readonly audit: Pick<AuditReader, 'about'>
  readonly now: () => Date
}

export type ExportAccount = (userId: string) => Promise<AccountExport>

/** @throws Problem unauthorized when the account is not in use any more */
export const createExportAccount = ({ users, sessions, passwords, keys, audit, now }: ExportDeps): ExportAccount =>
  async (userId) => {
    const [user, past, made, changes] = await Promise.all([users.find(userId), sessions.history(userId, exportedRows + 1), keys.list(userId, exportedRows + 1), passwords.changesOf(userId)])
    if (user === undefined) throw new Problem(problems.unauthorized)
    const [ownSessions, ownKeys] = [past.slice(0, exportedRows), made.slice(0, exportedRows)]
    const events = await audit.about([userId, ...ownSessions.map(({ id }) => id), ...ownKeys.map(({ id }) => id)], exportedRows + 1)
    const lists = { sessions: past, api_keys: made, events }
    return {
      exported_at: now().toISOString(),
      user: userView(user),
      sessions: ownSessions.map(pastSession),
      passwords: changes.map(({ identityId, changedAt }) => ({ identity: identityId, changed_at: changedAt.toISOString() })),
      api_keys: ownKeys.map(apiKeyView),
      events: events.slice(0, exportedRows),
      shortened: Object.entries(lists).filter(([, rows]) => rows.length > exportedRows).map(([name]) => name)
    }
  }

const pastSession = ({ id, method, identityId, state, client, createdAt, lastSeenAt, expiresAt, endedAt, endedReason }: Session & { readonly endedAt?: Date }): PastSession => ({
  id,
  method,
  identity: identityId,
  state,
  ip: client.ip,
  user_agent: client.userAgent,
  created_at: createdAt.toISOString(),
  last_seen_at: lastSeenAt.toISOString(),
  expires_at: expiresAt.toISOString(),
  ended_at: endedAt?.toISOString() ?? null,
  ended_reason: endedReason ?? null
})
