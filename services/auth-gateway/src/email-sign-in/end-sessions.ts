import type { ClientSession } from 'mongodb'
import type { Revocation, Revocations } from '../sessions/revoke-sessions.ts'

export interface EndSessionsDeps {
  readonly revocations: Pick<Revocations, 'begin' | 'finish'>
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
}

/** Ends sessions of a user, and sign-ins under way, in one transaction with what else belongs to it. */
export type EndSessions = (revocation: Revocation, also: (transaction: ClientSession) => Promise<void>) => Promise<void>

export const createEndSessions = ({ revocations, inTransaction }: EndSessionsDeps): EndSessions =>
  async (revocation, also) => {
    const epoch = await inTransaction(async (transaction) => {
      const raised = await revocations.begin(revocation, transaction)
      await also(transaction)
      return raised
    })
    if (epoch !== undefined) await revocations.finish(revocation, epoch)
  }
