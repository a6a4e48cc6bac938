import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { SessionRepository } from './session-repository.ts'
import type { SessionStates } from './session-state.ts'

export interface CloseDeps {
  readonly sessions: Pick<SessionRepository, 'end'>
  readonly states: Pick<SessionStates, 'close'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly ended: (createdAt: Date) => void
}

export interface Closing {
  readonly sessionId: string
  readonly reason: string
  readonly requestId: string
}

/** What else belongs to this end, in the same transaction, and is not done again when the session had ended before. */
export type AlsoOnClose = (transaction: ClientSession) => Promise<void>

export type CloseSession = ReturnType<typeof createCloseSession>

/** Ends a session everywhere: at once here and in MongoDB, within a second in other processes. Safe to repeat. */
export const createCloseSession = ({ sessions, states, audit, inTransaction, ended }: CloseDeps) =>
  async ({ sessionId, reason, requestId }: Closing, also?: AlsoOnClose): Promise<boolean> => {
    const session = await inTransaction(async (transaction) => {
      const closed = await sessions.end(sessionId, reason, transaction)
      if (closed === undefined) return undefined
      await audit.append({ event: 'session.closed', subject: sessionId, actor: closed.userId, requestId, facts: { reason } }, transaction)
      await also?.(transaction)
      return closed
    })
    await states.close(sessionId)
    if (session !== undefined) ended(session.createdAt)
    return session !== undefined
  }
