import type { SessionView } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import type { SessionEpochs } from '../users/session-epochs.ts'
import type { Session } from './session.ts'
import type { SessionRepository } from './session-repository.ts'

export interface ListDeps {
  readonly sessions: Pick<SessionRepository, 'listLive'>
  readonly epochs: Pick<SessionEpochs, 'of'>
  readonly cursors: Cursors
  /** A user agent in short. */
  readonly deviceOf: (userAgent: string) => string
}

export interface ListGiven {
  readonly userId: string
  readonly currentId: string
  readonly limit: number
  readonly cursor: string | undefined
}

export type ListSessions = ReturnType<typeof createListSessions>

/** @throws Problem schemaViolation for a cursor that is not of this user's list. */
export const createListSessions = ({ sessions, epochs, cursors, deviceOf }: ListDeps) =>
  async ({ userId, currentId, limit, cursor }: ListGiven): Promise<{ data: SessionView[], next_cursor: string | null }> => {
    const before = cursor === undefined ? undefined : cursors.read([userId], cursor)
    const epoch = await epochs.of(userId)
    // One more than asked tells whether there is a next page.
    const found = epoch === undefined ? [] : await sessions.listLive(userId, { epoch, limit: limit + 1, before })
    const { page, nextCursor } = cursors.page([userId], found, limit)
    return {
      data: page.map((session) => view(session, currentId, deviceOf)),
      next_cursor: nextCursor
    }
  }

const view = ({ id, method, identityId, client, createdAt, lastSeenAt, expiresAt }: Session, currentId: string, deviceOf: ListDeps['deviceOf']): SessionView => ({
  id,
  method,
  identity: identityId,
  device: deviceOf(client.userAgent),
  user_agent: client.userAgent,
  ip: client.ip,
  current: id === currentId,
  created_at: createdAt.toISOString(),
  last_seen_at: lastSeenAt.toISOString(),
  expires_at: expiresAt.toISOString()
})
