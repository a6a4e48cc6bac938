/** Which moves there are: the one table of contracts, asked before every update. */
import { transactionMoves, type TransactionState } from '@countersign/contracts'

export const mayMove = (from: TransactionState, to: TransactionState): boolean => transactionMoves[from].includes(to)

/** @throws Error: asking for a move that does not exist is a fault of this service, never of its caller. */
export function assertMove (from: TransactionState, to: TransactionState): void {
  if (!mayMove(from, to)) throw new Error(`a transaction never moves from ${from} to ${to}`)
}
