/**
 * What is past its end is over, by the database's clock: a transaction that waits for its confirmation, and an approved one that has
 * no nonce yet. One that has a nonce goes through however late it is: its bytes may be on their way.
 */
import type { Transact } from '../unit.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { RecordOne } from './record-move.ts'
import type { Countersigned } from './transaction.ts'

export interface ExpireDeps<Row extends Countersigned> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'listOver'>
  readonly recordMove: RecordOne<Row>
  readonly transact: Transact
}

/** @returns true when this call moved it. False: it is still valid, or was moved by somebody else. */
export type ExpireTransaction = (transaction: Countersigned) => Promise<boolean>

export const createExpireTransaction = <Row extends Countersigned>({ recordMove, transact }: Pick<ExpireDeps<Row>, 'recordMove' | 'transact'>): ExpireTransaction =>
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
export const createExpireTransactions = <Row extends Countersigned>({ transactions, ...deps }: ExpireDeps<Row>) => {
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
