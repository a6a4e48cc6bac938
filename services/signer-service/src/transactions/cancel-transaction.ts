/** A user's own transaction or signature is cancelled, or shall be. Idempotent by state. */
import { Problem, problems } from '@countersign/contracts'
import type { CrashPoint } from '../crash-points.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Asking } from './asking.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import { findOwn } from './find-own.ts'
import type { Stopping } from './stop-transaction.ts'
import type { Countersigned } from './transaction.ts'

export interface CancelDeps<Row extends Countersigned, View> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'find'>
  /** @returns undefined when it is too late. */
  readonly stop: (unit: Unit, row: Row, stopping: Stopping) => Promise<Row | undefined>
  readonly view: (row: Row) => View | Promise<View>
  /** What is said then. */
  readonly tooLate: string
  readonly transact: Transact
  readonly crashPoint: CrashPoint
}

/** @throws Problem notFound; stateConflict when it is too late */
export const createCancelTransaction = <Row extends Countersigned, View>({ transactions, stop, view, tooLate, transact, crashPoint }: CancelDeps<Row, View>) =>
  async (id: string, { userId, requestId }: Pick<Asking, 'userId' | 'requestId'>): Promise<View> => {
    const stopped = await transact(async (unit) => {
      const own = await findOwn<Row>({ find: async (wanted) => await transactions.find(wanted, unit) }, id, userId)
      const row = await stop(unit, own, { by: userId, requestId })
      await crashPoint('cancel.asking')
      return row
    })
    await crashPoint('cancel.asked')
    if (stopped === undefined) throw new Problem(problems.stateConflict, { detail: tooLate })
    return await view(stopped)
  }
