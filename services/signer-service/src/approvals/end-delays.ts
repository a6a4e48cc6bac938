/** What only waited for time moves on: decided again, like after any other step. */
import type { AdmitRow } from '../transactions/admit-transfer.ts'
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { RecordOne } from '../transactions/record-move.ts'
import type { Countersigned } from '../transactions/transaction.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Advance } from './advance.ts'

export interface EndDelaysDeps<Row extends Countersigned> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'listDelayed' | 'find'>
  readonly admitRow: AdmitRow<Row>
  readonly advance: Advance<Row>
  readonly recordMove: RecordOne<Row>
  readonly transact: Transact
}

const batch = 200

/** @returns how many were looked at. Any number of processes may do it: each row moves once. @throws the first fault, once all were looked at */
export const createEndDelays = <Row extends Countersigned>(deps: EndDelaysDeps<Row>) => async (): Promise<number> => {
  const faults: unknown[] = []
  const over = await deps.transactions.listDelayed(batch)
  for (const { id } of over) {
    // One that cannot be moved holds up none of the others.
    await deps.transact(async (unit) => { await endDelay(deps, unit, id) }).catch((error: unknown) => { faults.push(error) })
  }
  if (faults.length > 0) throw faults[0]
  return over.length
}

async function endDelay<Row extends Countersigned> ({ transactions, admitRow, advance, recordMove }: EndDelaysDeps<Row>, unit: Unit, id: string): Promise<void> {
  const row = await transactions.find(id, unit)
  if (row?.state !== 'awaiting_confirmation') return
  const admission = await admitRow(row, unit)
  if (admission.admitted) await advance(unit, row, admission, { from: 'awaiting_confirmation' })
  else {
    await recordMove(unit, row, { from: 'awaiting_confirmation', to: 'rejected', set: { failure: { code: 'policy_denied', detail: admission.detail } } }, {
      facts: { policy_version: admission.policy?.version ?? 0, rule: admission.policy?.rule ?? 'default' }
    })
  }
}
