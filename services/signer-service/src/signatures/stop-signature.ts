/** Cancels what is not signed yet. What is signed may have been given away: nothing takes it back. */
import type { RecordOne } from '../transactions/record-move.ts'
import type { Stopping } from '../transactions/stop-transaction.ts'
import type { Unit } from '../unit.ts'
import type { Signature } from './signature.ts'

/** @returns the row: cancelled, or over already without a signature; undefined when it is signed */
export type StopSignature = (unit: Unit, row: Signature, stopping: Stopping) => Promise<Signature | undefined>

export const createStopSignature = ({ recordOne }: { readonly recordOne: RecordOne<Signature> }): StopSignature => async (unit, row, { by, requestId, facts = {} }) => {
  if (row.state === 'signed' || row.state === 'received') return undefined
  if (row.state !== 'awaiting_confirmation' && row.state !== 'approved') return row
  return await recordOne(unit, row, { from: row.state, to: 'cancelled', set: { failure: { code: 'cancelled', detail: 'It was cancelled before it was signed.' } } }, {
    actor: by, ...requestId !== undefined && { requestId }, facts
  })
}
