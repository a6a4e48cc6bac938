/** A revert, before or after sending, as it is kept and shown. */
import { revertInWords, revertOf } from '../calls/revert.ts'
import type { ChainFault } from '../chain/chain-fault.ts'
import type { Failure, Transaction } from './transaction.ts'

/** @param what begins the sentence. @param fault `reverted`; without the contract's own bytes the node's words have to do. */
export function revertFailure (what: string, { message, revertData }: Pick<ChainFault, 'message' | 'revertData'>, { errors }: Pick<Transaction, 'errors'>): Failure {
  if (revertData === undefined) return { code: 'reverted', detail: `${what}: ${message}` }
  const revert = revertOf(revertData, errors)
  return { code: 'reverted', detail: `${what}: ${revertInWords(revert)}`, revert }
}
