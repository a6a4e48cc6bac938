/** What only waited for time moves on: decided again, like after any other step. */
import type { AdmitTransfer } from '../transactions/admit-transfer.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import { askedOf } from '../transactions/transaction.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Advance } from './advance.ts'

export interface EndDelaysDeps {
  readonly transactions: Pick<TransactionRepository, 'listDelayed' | 'find'>
  readonly admit: AdmitTransfer
  readonly advance: Advance
  readonly recordMove: RecordMove
  readonly transact: Transact
}

const batch = 200

/** @returns how many were looked at. Any number of processes may do it: each row moves once. @throws the first fault, once all were looked at */
export const createEndDelays = (deps: EndDelaysDeps) => async (): Promise<number> => {
  const faults: unknown[] = []
  const over = await deps.transactions.listDelayed(batch)
  for (const { id } of over) {
    // One that cannot be moved holds up none of the others.
    await deps.transact(async (unit) => { await endDelay(deps, unit, id) }).catch((error: unknown) => { faults.push(error) })
  }
  if (faults.length > 0) throw faults[0]
  return over.length
}

async function endDelay ({ transactions, admit, advance, recordMove }: EndDelaysDeps, unit: Unit, id: string): Promise<void> {
  const row = await transactions.find(id, unit)
  if (row?.state !== 'awaiting_confirmation') return
  const admission = await admit(askedOf(row), unit)
  if (admission.admitted) await advance(unit, row, admission, { from: 'awaiting_confirmation' })
  else {
    await recordMove(unit, row, { from: 'awaiting_confirmation', to: 'rejected', set: { failure: { code: 'policy_denied', detail: admission.detail } } }, {
      facts: { policy_version: admission.policy?.version ?? 0, rule: admission.policy?.rule ?? 'default' }
    })
  }
}
