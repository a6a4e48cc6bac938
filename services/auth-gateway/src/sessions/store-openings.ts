import { gather, type Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { NewSession, SessionRepository } from './session-repository.ts'

export interface StoreOpeningsDeps {
  readonly sessions: Pick<SessionRepository, 'openAll'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
}

export interface Opening {
  readonly session: NewSession
  readonly requestId: string
}

export type StoreOpening = ReturnType<typeof createStoreOpening>

/** Resolves when the session is in MongoDB for good, with its audit row. Sessions that are opened at the same time share a transaction: all of its rows are new, so nothing in it conflicts. */
export const createStoreOpening = ({ sessions, audit, inTransaction }: StoreOpeningsDeps): (opening: Opening) => Promise<void> =>
  gather(async (openings: readonly Opening[]) => {
    await inTransaction(async (transaction) => {
      await sessions.openAll(openings.map(({ session }) => session), transaction)
      await audit.append(openings.map(({ session: { id, userId, method }, requestId }) =>
        ({ event: 'session.opened', subject: id, actor: userId, requestId, facts: { method } })), transaction)
    })
    return openings.map(() => undefined)
  })
