/**
 * Gives back what was reserved for transactions that moved nothing. The move to such an end says so in the row; the window itself is
 * changed here, once, so that a busy window never holds up a lane. One that had a nonce has cost fees, whatever became of it: it goes on being
 * counted, or whoever cancels what he asked for could spend fees without end.
 */
import type { Audit } from '@countersign/mongo'
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { Noun } from '../transactions/record-move.ts'
import type { Countersigned } from '../transactions/transaction.ts'
import type { Transact } from '../unit.ts'
import type { WindowRepository } from './window-repository.ts'
import { isCount } from './windows.ts'

export interface ReleaseDeps<Row extends Countersigned> {
  readonly noun: Noun
  readonly transactions: Pick<CountersignedRepository<Row>, 'listReleasing' | 'markReleased'>
  readonly windows: Pick<WindowRepository, 'giveBack'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

const batch = 200

/** @returns how many gave back. Any number of processes may do it: each row gives back once. @throws the first fault, once all were looked at */
export const createReleaseWindows = <Row extends Countersigned>({ noun, transactions, windows, audit, transact }: ReleaseDeps<Row>) => async (): Promise<number> => {
  let released = 0
  const faults: unknown[] = []
  for (const { id, walletId, requestId, reservation, history } of await transactions.listReleasing(batch)) {
    const done = await transact(async (unit) => {
      if (reservation === null || !await transactions.markReleased(id, unit)) return false
      const entries = history.some(({ state }) => state === 'assigned') ? reservation.entries.filter(({ key }) => !isCount(key)) : reservation.entries
      await windows.giveBack(entries, unit)
      await audit.append({ event: `${noun}.room_given_back`, subject: id, walletId, requestId, facts: { windows: entries.map(({ key }) => key) } }, unit.session)
      return true
      // One that cannot give back holds up none of the others.
    }).catch((error: unknown) => { faults.push(error) })
    if (done === true) released++
  }
  if (faults.length > 0) throw faults[0]
  return released
}
