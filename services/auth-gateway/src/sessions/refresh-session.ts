import { Problem, problems, type TokenReply } from '@countersign/contracts'
import type { UserRepository } from '../users/user-repository.ts'
import type { User } from '../users/user.ts'
import type { GrantTokens } from './grant-tokens.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { Session } from './session.ts'
import type { SessionRepository } from './session-repository.ts'

export interface RefreshDeps {
  readonly sessions: Pick<SessionRepository, 'rotate' | 'findLive'>
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
export const createRefreshSession = ({ sessions, users, refreshTokens, grant, closeReused }: RefreshDeps) => {
  /** The session may have been spared by a revocation between the two readings: then it is ahead when read again. */
  const isOfEpoch = async ({ id, epoch }: Session, { sessionEpoch }: User): Promise<boolean> =>
    epoch >= sessionEpoch || ((await sessions.findLive(id))?.epoch ?? -1) >= sessionEpoch

  return async (token: string, requestId: string): Promise<TokenReply> => {
    const fields = refreshTokens.read(token)
    if (fields === undefined) throw new Problem(problems.sessionClosed)

    const rotation = await sessions.rotate(fields.sessionId, fields.counter)
    if (rotation.outcome === 'reused') await closeReused(rotation.session.id, rotation.session.userId, requestId)
    if (rotation.outcome === 'reused' || rotation.outcome === 'closed') throw new Problem(problems.sessionClosed)

    const user = await users.find(rotation.session.userId)
    if (user === undefined || !await isOfEpoch(rotation.session, user)) throw new Problem(problems.sessionClosed)
    return grant(rotation.session, user)
  }
}
