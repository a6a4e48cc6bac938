/** A unit of work: one Mongo transaction that use cases pass on without knowing the driver. */
import type { ClientSession } from 'mongodb'

export interface Unit {
  readonly session: ClientSession
  /** Runs once the transaction is committed, and not at all when it is not: metrics, nudges, queues. */
  readonly afterCommit: (effect: () => unknown) => void
}

/** Runs the work in one transaction; may run it again after a conflict, so that the work has no other effects. */
export type Transact = <T>(work: (unit: Unit) => Promise<T>) => Promise<T>

/** @param inTransaction of @countersign/mongo, bound to its connection. */
export const createTransact = (inTransaction: <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>): Transact =>
  async (work) => {
    let effects: (() => unknown)[] = []
    const result = await inTransaction(async (session) => {
      effects = []
      return await work({ session, afterCommit: (effect) => { effects.push(effect) } })
    })
    for (const effect of effects) effect()
    return result
  }
