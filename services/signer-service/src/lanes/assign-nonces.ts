/** The one place that gives transactions nonces, in the Mongo transaction that moves their rows. */
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { Transaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { LaneRepository } from './lane-repository.ts'
import type { LaneRound } from './lane-round.ts'
import { nextNonce } from './next-nonce.ts'

export interface AssignNonceDeps {
  readonly transactions: Pick<TransactionRepository, 'highestNonce'>
  readonly attempts: Pick<AttemptRepository, 'highestNonce'>
  readonly lanes: Pick<LaneRepository, 'nextNonce' | 'raiseNextNonce'>
  readonly recordMove: RecordMove
}

export type Assignment =
  /** Approved, and simulated at this gas limit. */
  | { readonly row: Transaction, readonly gas: bigint }
  /** Its nonce was used by somebody else and every hash at it is dead; simulated again. */
  | { readonly row: Transaction, readonly gas: bigint, readonly dead: number, readonly usedBy: string }

export type AssignNonces = (unit: Unit, round: Pick<LaneRound, 'key' | 'latest'>, assignments: readonly Assignment[], pending: number) => Promise<Transaction[]>

/**
 * Consecutive nonces in the given order.
 * @param pending the chain's next nonce as the node's own pool sees it.
 * @returns the rows that have one now; a row that is not (any more) as its assignment wants it is left out and uses none up.
 */
export const createAssignNonces = ({ transactions, attempts, lanes, recordMove }: AssignNonceDeps): AssignNonces =>
  async (unit, { key, latest }, assignments, pending) => {
    let nonce = nextNonce({
      highestRow: await transactions.highestNonce(key, unit),
      highestAttempt: await attempts.highestNonce(key, unit),
      mark: await lanes.nextNonce(key, unit),
      latest,
      pending
    })
    const assigned: Transaction[] = []
    for (const assignment of assignments) {
      const { row } = assignment
      // What was confirmed was confirmed until then: no nonce, the first or a new one, is given later.
      const given = { to: 'assigned', when: 'valid', set: { nonce, gas: assignment.gas.toString() } } as const
      const moved = !('dead' in assignment)
        ? await recordMove(unit, row, { from: 'approved', ...given }, { facts: { nonce } })
        : await recordMove(unit, row, { from: row.state, nonce: assignment.dead, ...given }, {
          event: 'transaction.reassigned', facts: { nonce, dead_nonce: assignment.dead, used_by: assignment.usedBy }
        })
      if (moved === undefined) continue
      assigned.push(moved)
      nonce++
    }
    if (assigned.length > 0) await lanes.raiseNextNonce(key, nonce, unit)
    return assigned
  }
