import type { MailContent } from '@countersign/contracts'
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { ConnectionCache } from '../earlier/wallet-connection/connection-cache.ts'
import type { ConnectionRepository } from '../earlier/wallet-connection/connection-repository.ts'
import type { SessionRepository } from '../sessions/session-repository.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import { acknowledgers, type Acknowledger, type DeletionRepository } from './deletion-repository.ts'

export interface FinishDeps {
  readonly deletions: Pick<DeletionRepository, 'acknowledge' | 'emptySessions' | 'bury'>
  readonly sessions: Pick<SessionRepository, 'endBefore'>
  readonly states: Pick<SessionStates, 'forget'>
  readonly connections: Pick<ConnectionRepository, 'addressesOf'>
  readonly cache: Pick<ConnectionCache, 'forget'>
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly now: () => Date
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
export const createFinishDeletion = ({ deletions, sessions, states, connections, cache, writeMail, dispatch, audit, inTransaction, now }: FinishDeps): FinishDeletion =>
  async ({ userId, deletionId, by, requestId, facts = {} }) => {
    const acknowledged = await deletions.acknowledge(userId, deletionId, by)
    if (acknowledged === undefined) return 'unknown'
    if (!acknowledgers.every((service) => acknowledged.includes(service))) return 'waiting'

    // Their epoch ended them all; this marks rows that a crash left over.
    await sessions.endBefore(userId, Number.MAX_SAFE_INTEGER, 'account_deleted')
    await deletions.emptySessions(userId)
    await states.forget(userId)
    for (const address of await connections.addressesOf(userId)) await cache.forget(address)
    const mail = await inTransaction(async (transaction) => {
      const buried = await deletions.bury(userId, deletionId, transaction)
      if (buried === undefined) return undefined
      await audit.append({ event: 'user.deleted', subject: userId, requestId, facts: { deletion: deletionId, ...facts } }, transaction)
      return buried.email === null ? undefined : await writeMail({ template: 'account_deleted', to: buried.email, parameters: { at: now().toISOString() } }, requestId, transaction)
    })
    if (mail !== undefined) await dispatch(mail)
    return 'done'
  }
