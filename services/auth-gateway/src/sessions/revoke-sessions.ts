import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { auditedIdentity } from '../users/identity.ts'
import type { SessionEpochs } from '../users/session-epochs.ts'
import type { SessionRepository, Spared } from './session-repository.ts'
import type { SessionStates } from './session-state.ts'

export interface RevokeDeps {
  readonly epochs: Pick<SessionEpochs, 'raise'>
  readonly sessions: Pick<SessionRepository, 'carryOver' | 'endBefore'>
  readonly states: Pick<SessionStates, 'close' | 'raise'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly ended: (createdAt: Date) => void
}

export interface Revocation {
  readonly userId: string
  readonly reason: string
  readonly requestId: string
  /** Who asked; the user when absent. */
  readonly actor?: string
  /** Absent: none outlives it. */
  readonly spared?: Spared
}

export type Revocations = ReturnType<typeof createRevocations>

/**
 * Ends a user's sessions, and every sign-in that is under way, at once here and within a second in other processes. The raised epoch is
 * what ends them; marking the rows afterwards is tidying, so a crash in between spares none.
 */
export const createRevocations = ({ epochs, sessions, states, audit, inTransaction, ended }: RevokeDeps) => {
  /**
   * The part that belongs into the transaction of whatever revokes them, such as storing a new password hash.
   * @returns the new epoch, for `finish` after the commit; undefined when there is no such user
   */
  async function begin ({ userId, reason, requestId, actor = userId, spared }: Revocation, transaction: ClientSession): Promise<number | undefined> {
    const epoch = await epochs.raise(userId, transaction)
    if (epoch === undefined) return undefined
    if (spared !== undefined) await sessions.carryOver(userId, epoch, spared, transaction)
    await audit.append({ event: 'user.sessions_revoked', subject: userId, actor, requestId, facts: { reason, epoch, ...auditedSpared(spared) } }, transaction)
    return epoch
  }

  /** @returns how many were open */
  async function finish ({ userId, reason }: Pick<Revocation, 'userId' | 'reason'>, epoch: number): Promise<number> {
    states.raise(userId, epoch)
    const revoked = await sessions.endBefore(userId, epoch, reason)
    await Promise.all(revoked.map(({ id }) => states.close(id)))
    for (const { createdAt } of revoked) ended(createdAt)
    return revoked.length
  }

  return {
    begin,
    finish,

    /** Both parts, for a revocation that stands alone. @returns how many were open */
    async revoke (revocation: Revocation): Promise<number> {
      const epoch = await inTransaction((transaction) => begin(revocation, transaction))
      return epoch === undefined ? 0 : await finish(revocation, epoch)
    }
  }
}

const auditedSpared = ({ sessionId, otherThanIdentity }: Spared = {}) =>
  ({ ...sessionId !== undefined && { sessionId }, ...otherThanIdentity !== undefined && { otherThanIdentity: auditedIdentity(otherThanIdentity) } })
