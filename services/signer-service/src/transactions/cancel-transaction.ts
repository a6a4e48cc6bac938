/** A user's own transaction is cancelled, or shall be. Idempotent by state. */
import { Problem, problems, type TransactionView } from '@countersign/contracts'
import type { CrashPoint } from '../crash-points.ts'
import type { Transact } from '../unit.ts'
import type { Asking } from './asking.ts'
import { findOwn } from './find-own.ts'
import type { ViewTransaction } from './read-transactions.ts'
import type { StopTransaction } from './stop-transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

export interface CancelDeps {
  readonly transactions: Pick<TransactionRepository, 'find'>
  readonly stop: StopTransaction
  readonly view: ViewTransaction
  readonly transact: Transact
  readonly crashPoint: CrashPoint
}

/** @throws Problem notFound; stateConflict when it is in a block */
export const createCancelTransaction = ({ transactions, stop, view, transact, crashPoint }: CancelDeps) =>
  async (id: string, { userId, requestId }: Pick<Asking, 'userId' | 'requestId'>): Promise<TransactionView> => {
    const stopped = await transact(async (unit) => {
      const own = await findOwn({ find: async (wanted) => await transactions.find(wanted, unit) }, id, userId)
      const row = await stop(unit, own, { by: userId, requestId })
      await crashPoint('cancel.asking')
      return row
    })
    await crashPoint('cancel.asked')
    if (stopped === undefined) throw new Problem(problems.stateConflict, { detail: 'It is in a block: nothing can be cancelled any more.' })
    return await view(stopped)
  }
