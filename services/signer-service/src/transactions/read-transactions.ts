/** Reading: a user sees its own transactions and nobody else's. */
import type { TransactionState, TransactionView } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import { findOwn } from './find-own.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'
import { transactionView, type CallsOf } from './transaction-view.ts'

export interface ReadDeps {
  readonly transactions: Pick<TransactionRepository, 'find' | 'listOf'>
  readonly attempts: Pick<AttemptRepository, 'ofTransaction'>
  readonly callsOf: CallsOf
  readonly cursors: Cursors
}

export type ViewTransaction = (transaction: Transaction) => Promise<TransactionView>

export const createViewTransaction = ({ attempts, callsOf }: Pick<ReadDeps, 'attempts' | 'callsOf'>): ViewTransaction =>
  async (transaction) => transactionView(transaction, await attempts.ofTransaction(transaction.id), callsOf(transaction))

export const createGetTransaction = ({ transactions, ...deps }: Pick<ReadDeps, 'transactions' | 'attempts' | 'callsOf'>) => {
  const view = createViewTransaction(deps)
  return async (id: string, userId: string): Promise<TransactionView> => await view(await findOwn(transactions, id, userId))
}

export interface ListGiven { readonly limit: number, readonly cursor: string | undefined, readonly state: TransactionState | undefined }

export const createListTransactions = ({ transactions, cursors, ...deps }: ReadDeps) => {
  const view = createViewTransaction(deps)
  return async ({ limit, cursor, state }: ListGiven, userId: string): Promise<{ data: TransactionView[], next_cursor: string | null }> => {
    const scope = [userId, state ?? '']
    const before = cursor === undefined ? undefined : cursors.read(scope, cursor)
    // One more than asked tells whether there is a next page.
    const found = await transactions.listOf(userId, { limit: limit + 1, before, state })
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return {
      data: await Promise.all(page.map(view)),
      next_cursor: found.length > limit && last !== undefined ? cursors.write(scope, last.id) : null
    }
  }
}
