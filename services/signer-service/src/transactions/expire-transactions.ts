/**
 * What is past its end is over, by the database's clock: a transaction that waits for its confirmation, and an approved one that has
 * no nonce yet. One that has a nonce goes through however late it is: its bytes may be on their way.
 */
import type { Transact } from '../unit.ts'
import type { RecordMove } from './record-move.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

export interface ExpireDeps {
  readonly transactions: Pick<TransactionRepository, 'listOver'>
  readonly recordMove: RecordMove
  readonly transact: Transact
}

/** @returns true when this call moved it. False: it is still valid, or was moved by somebody else. */
export type ExpireTransaction = (transaction: Transaction) => Promise<boolean>

export const createExpireTransaction = ({ recordMove, transact }: Pick<ExpireDeps, 'recordMove' | 'transact'>): ExpireTransaction =>
  async (transaction) => {
    const { state } = transaction
    if (state !== 'awaiting_confirmation' && state !== 'approved') return false
    const failure = {
      code: 'expired',
      detail: state === 'approved' ? 'It was approved but could not be sent before its end.' : 'It was not confirmed before its end.'
    }
    return await transact(async (unit) => await recordMove(unit, transaction, { from: state, to: 'expired', when: 'over', set: { failure } })) !== undefined
  }

const batch = 200

/** @returns how many were moved. */
export const createExpireTransactions = ({ transactions, ...deps }: ExpireDeps) => {
  const expire = createExpireTransaction(deps)
  return async (): Promise<number> => {
    let moved = 0
    const faults: unknown[] = []
    for (const transaction of await transactions.listOver(batch)) {
      // One that cannot be moved holds up none of the others.
      if (await expire(transaction).catch((error: unknown) => { faults.push(error) })) moved++
    }
    if (faults.length > 0) throw faults[0]
    return moved
  }
}
