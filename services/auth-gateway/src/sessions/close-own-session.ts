import type { CloseSession } from './close-session.ts'
import type { SessionRepository } from './session-repository.ts'

export interface CloseOwnDeps {
  readonly sessions: Pick<SessionRepository, 'findOwn'>
  readonly close: CloseSession
}

export type CloseOwnSession = ReturnType<typeof createCloseOwnSession>

/** @returns false when that user never had such a session; one that had ended before is closed as well. */
export const createCloseOwnSession = ({ sessions, close }: CloseOwnDeps) =>
  async (sessionId: string, userId: string, requestId: string): Promise<boolean> => {
    const session = await sessions.findOwn(sessionId, userId)
    if (session === undefined) return false
    if (session.state === 'active') await close({ sessionId, reason: 'revoked_by_user', requestId })
    return true
  }
