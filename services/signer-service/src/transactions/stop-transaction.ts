/**
 * Cancels what nothing is signed for yet, here and now: the compare-and-set on its state is the same one that a signed payload needs to be
 * stored, and what is not stored never leaves. Later its lane is told to: only what is mined can say what became of it.
 */
import type { Audit, AuditFact } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { RecordMove } from './record-move.ts'
import type { Failure, Transaction } from './transaction.ts'
import type { LaneKey, TransactionRepository } from './transaction-repository.ts'

export interface StopDeps {
  readonly transactions: Pick<TransactionRepository, 'askCancel'>
  readonly recordMove: RecordMove
  readonly audit: Pick<Audit, 'append'>
  /** Something is to be done in this lane. */
  readonly nudge: (lane: LaneKey) => void
}

export interface Stopping {
  /** A user, or `operator`. */
  readonly by: string
  readonly requestId?: string
  readonly facts?: Readonly<Record<string, AuditFact>>
}

/**
 * @param row as this very unit reads it
 * @returns the row: cancelled, to be cancelled, or over already without having paid anybody; undefined when it is in a block
 */
export type StopTransaction = (unit: Unit, row: Transaction, stopping: Stopping) => Promise<Transaction | undefined>

const failure: Failure = { code: 'cancelled', detail: 'It was cancelled before anything was signed for it.' }

export const createStopTransaction = ({ transactions, recordMove, audit, nudge }: StopDeps): StopTransaction => async (unit, row, { by, requestId = row.requestId, facts = {} }) => {
  switch (row.state) {
    case 'awaiting_confirmation':
    case 'approved':
      return await recordMove(unit, row, { from: row.state, to: 'cancelled', set: { failure } }, { actor: by, requestId, facts })
    case 'assigned': {
      // Its nonce is a gap now, which healing fills.
      const nonce = row.nonce ?? -1
      return await recordMove(unit, row, { from: 'assigned', to: 'cancelled', nonce, set: { failure, nonce: null, gas: null } }, { actor: by, requestId, facts: { ...facts, given_up_nonce: nonce } })
    }
    case 'signed':
    case 'broadcast': {
      if (row.cancellation !== null) return row
      const asked = await transactions.askCancel(row.id, by, unit)
      if (asked === undefined) return undefined
      await audit.append({ event: 'transaction.cancel_asked', subject: row.id, walletId: row.walletId, actor: by, requestId, facts: { ...facts, nonce: row.nonce } }, unit.session)
      unit.afterCommit(() => { nudge({ chainId: row.chainId, walletId: row.walletId }) })
      return asked
    }
    case 'received':
    case 'mined':
    case 'confirmed':
      return row.cancellation === null ? undefined : row
    case 'cancelled':
    case 'rejected':
    case 'expired':
    case 'failed':
      return row
  }
}
