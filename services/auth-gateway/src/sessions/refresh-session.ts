import { Problem, problems, type TokenReply } from '@countersign/contracts'
import type { UserRepository } from '../users/user-repository.ts'
import type { GrantTokens } from './open-session.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { SessionRepository } from './session-repository.ts'

export interface RefreshDeps {
  readonly sessions: Pick<SessionRepository, 'rotate'>
  readonly users: Pick<UserRepository, 'find'>
  readonly refreshTokens: Pick<RefreshTokens, 'read'>
  readonly grant: GrantTokens
  /** Ends the session of a token that was used twice and tells its user. */
  readonly closeReused: (sessionId: string, userId: string, requestId: string) => Promise<void>
}

/**
 * A token is used once. Its immediate parent, presented again within 30 s, gets the same successor: the answer may have been
 * lost. Anything older is somebody else's copy, and ends the session (RFC 9700 §4.14.2).
 * @throws Problem sessionClosed
 */
export const createRefreshSession = ({ sessions, users, refreshTokens, grant, closeReused }: RefreshDeps) =>
  async (token: string, requestId: string): Promise<TokenReply> => {
    const fields = refreshTokens.read(token)
    if (fields === undefined) throw new Problem(problems.sessionClosed)

    const rotation = await sessions.rotate(fields.sessionId, fields.counter)
    if (rotation.outcome === 'reused') await closeReused(rotation.session.id, rotation.session.userId, requestId)
    if (rotation.outcome === 'reused' || rotation.outcome === 'closed') throw new Problem(problems.sessionClosed)

    const user = await users.find(rotation.session.userId)
    if (user === undefined) throw new Problem(problems.sessionClosed)
    return grant(rotation.session, user)
  }
