import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { SessionRepository } from '../sessions/session-repository.ts'
import { acknowledgers, type Acknowledger, type DeletionRepository } from './deletion-repository.ts'

export interface FinishDeps {
  readonly deletions: Pick<DeletionRepository, 'acknowledge' | 'emptySessions' | 'bury'>
  readonly sessions: Pick<SessionRepository, 'endBefore'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
}

export interface Acknowledgement {
  readonly userId: string
  readonly deletionId: string
  readonly by: Acknowledger
  readonly requestId: string
  readonly facts?: Readonly<Record<string, string>>
}

/** @returns `waiting` for another service, `done`, or `unknown`: nothing of that name is under deletion. */
export type FinishDeletion = (acknowledgement: Acknowledgement) => Promise<'waiting' | 'done' | 'unknown'>

/** Each step may be done again: whatever stops it, the job comes back and goes on. */
export const createFinishDeletion = ({ deletions, sessions, audit, inTransaction }: FinishDeps): FinishDeletion =>
  async ({ userId, deletionId, by, requestId, facts = {} }) => {
    const acknowledged = await deletions.acknowledge(userId, deletionId, by)
    if (acknowledged === undefined) return 'unknown'
    if (!acknowledgers.every((service) => acknowledged.includes(service))) return 'waiting'

    // Their epoch ended them all; this marks rows that a crash left over.
    await sessions.endBefore(userId, Number.MAX_SAFE_INTEGER, 'account_deleted')
    await deletions.emptySessions(userId)
    await inTransaction(async (transaction) => {
      if (!await deletions.bury(userId, deletionId, transaction)) return
      await audit.append({ event: 'user.deleted', subject: userId, requestId, facts: { deletion: deletionId, ...facts } }, transaction)
    })
    return 'done'
  }
