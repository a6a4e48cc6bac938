import { exportedRows, listFactors, listSignatures, listTransactions, Problem, problems, type AccountExport, type PastSession, type ReplyOf, type RequestOf } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { apiKeyView } from '../api-keys/api-key.ts'
import type { ApiKeyRepository } from '../api-keys/api-key-repository.ts'
import type { ConnectionRepository } from '../earlier/wallet-connection/connection-repository.ts'
import { connectionView } from '../earlier/wallet-connection/read-connections.ts'
import type { AuditReader } from '../operators/audit-reader.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { DeviceRepository } from '../sessions/device-repository.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionRepository } from '../sessions/session-repository.ts'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { userView } from '../users/user-view.ts'

export interface ExportDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly sessions: Pick<SessionRepository, 'history'>
  readonly passwords: Pick<PasswordRepository, 'changesOf'>
  readonly keys: Pick<ApiKeyRepository, 'list'>
  readonly connections: Pick<ConnectionRepository, 'historyOf'>
  readonly devices: Pick<DeviceRepository, 'seenOf'>
  readonly audit: Pick<AuditReader, 'about'>
  readonly commands: Pick<CommandClient, 'call'>
  readonly now: () => Date
}

export type ExportAccount = (asker: Asker) => Promise<AccountExport>

/** @throws Problem unauthorized when the account is not in use any more; unavailable while another service cannot say its part */
export const createExportAccount = ({ users, sessions, passwords, keys, connections, devices, audit, commands, now }: ExportDeps): ExportAccount => {
  return async (asker) => {
    const { userId, requestId } = asker
    const most = exportedRows + 1
    const [user, past, made, changes, connected, seen, { factors }, transactions, signatures] = await Promise.all([
      users.find(userId), sessions.history(userId, most), keys.list(userId, most), passwords.changesOf(userId), connections.historyOf(userId, most), devices.seenOf(userId, most),
      commands.call(listFactors, { user_id: userId }, { requestId, actor: userId }), pagesOf(listTransactions, asker), pagesOf(listSignatures, asker)
    ])
    if (user === undefined) throw new Problem(problems.unauthorized)
    const subjects = [userId, ...first(past).map(({ id }) => id), ...first(made).map(({ id }) => id)]
    const events = await audit.about(subjects, most)
    const lists = { sessions: past, api_keys: made, wallet_connections: connected, devices: seen, transactions, signatures, events }
    return {
      exported_at: now().toISOString(),
      user: userView(user),
      sessions: first(past).map(pastSession),
      passwords: changes.map(({ identityId, changedAt }) => ({ identity: identityId, changed_at: changedAt.toISOString() })),
      api_keys: first(made).map(apiKeyView),
      wallet_connections: first(connected).map(connectionView),
      devices: first(seen).map((at) => ({ seen_at: at.toISOString() })),
      factors,
      transactions: first(transactions),
      signatures: first(signatures),
      events: first(events),
      shortened: Object.entries(lists).filter(([, rows]) => rows.length > exportedRows).map(([name]) => name)
    }
  }

  /** Page after page, until one more than is exported is there. */
  async function pagesOf<List extends typeof listTransactions | typeof listSignatures> (list: List, { userId, sessionId, requestId }: Asker): Promise<ReplyOf<List>['data'][number][]> {
    const found: ReplyOf<List>['data'][number][] = []
    for (let cursor: string | null | undefined; cursor !== null && found.length <= exportedRows;) {
      const page: ReplyOf<List> = await commands.call(list, { user_id: userId, session_id: sessionId, limit: 100, ...cursor !== undefined && { cursor } } as RequestOf<List>, { requestId, actor: userId })
      found.push(...page.data)
      cursor = page.next_cursor
    }
    return found
  }
}

const first = <Row>(rows: readonly Row[]): Row[] => rows.slice(0, exportedRows)

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
