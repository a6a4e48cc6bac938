/** The one place that gives transactions nonces, in the Mongo transaction that moves their rows. */
import type { MoveOfRow, MoveRecord, RecordMove } from '../transactions/record-move.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { LaneRepository } from './lane-repository.ts'
import type { LaneRound } from './lane-round.ts'
import { nextNonce } from './next-nonce.ts'

export interface AssignNonceDeps {
  readonly transactions: Pick<TransactionRepository, 'standing'>
  readonly lanes: Pick<LaneRepository, 'highestNonces' | 'raiseNextNonce'>
  readonly recordMove: RecordMove
}

export type Assignment =
  /** Approved, and simulated at this gas limit. */
  | { readonly row: MovingTransaction, readonly gas: bigint }
  /** Its nonce was used by somebody else and every hash at it is dead; simulated again. */
  | { readonly row: MovingTransaction, readonly gas: bigint, readonly dead: number, readonly usedBy: string }

export type AssignNonces = (unit: Unit, round: Pick<LaneRound, 'key' | 'latest'>, assignments: readonly Assignment[], pending: number) => Promise<MovingTransaction[]>

/**
 * Consecutive nonces in the given order.
 * @param pending the chain's next nonce as the node's own pool sees it.
 * @returns the rows that have one now; a row that is not (any more) as its assignment wants it is left out and uses none up.
 */
export const createAssignNonces = ({ transactions, lanes, recordMove }: AssignNonceDeps): AssignNonces =>
  async (unit, { key, latest }, assignments, pending) => {
    let nonce = nextNonce({ ...await lanes.highestNonces(key, unit), latest, pending })
    const wanted = assignments.map(wish)
    // So that none of the numbers is left out. One alone either gets it or does not.
    const standing = wanted.length === 1 ? undefined : await transactions.standing(wanted.map(({ transaction: { id }, move }) => ({ id, ...move })), unit)
    const entries = wanted.filter(({ transaction: { id } }) => standing?.has(id) !== false).map(({ transaction, move, record }, index) => ({
      transaction, move: { ...move, set: { ...move.set, nonce: nonce + index } }, record: { ...record, facts: { nonce: nonce + index, ...record.facts } }
    }))
    const assigned = (await recordMove.all(unit, entries)).filter((row) => row !== undefined)
    // Its end came between the two looks. Nothing is written: the next round gives its nonce to another.
    if (standing !== undefined && assigned.length < entries.length) throw new Error('a transaction was over before it had its nonce')
    nonce += assigned.length
    if (assigned.length > 0) await lanes.raiseNextNonce(key, nonce, unit)
    return assigned
  }

/** What was confirmed was confirmed until its end: no nonce, the first or a new one, is given later. */
function wish (assignment: Assignment): MoveOfRow & { readonly record: MoveRecord } {
  const { row, gas } = assignment
  const given = { to: 'assigned', when: 'valid', set: { gas: gas.toString() } } as const
  return 'dead' in assignment
    ? {
      transaction: row, move: { from: row.state, nonce: assignment.dead, ...given },
      record: { event: 'transaction.reassigned', facts: { dead_nonce: assignment.dead, used_by: assignment.usedBy } }
    }
    : { transaction: row, move: { from: 'approved', ...given }, record: {} }
}
