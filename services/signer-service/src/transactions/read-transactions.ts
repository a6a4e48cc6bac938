/** Reading: a user sees its own transactions and nobody else's. */
import { Problem, problems, type TransactionView } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import { findOwn } from './find-own.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionFilter, TransactionRepository } from './transaction-repository.ts'
import { transactionView, type CallsOf } from './transaction-view.ts'

export interface ReadDeps {
  readonly transactions: Pick<TransactionRepository, 'find' | 'listOf'>
  readonly attempts: Pick<AttemptRepository, 'ofTransaction'>
  readonly callsOf: CallsOf
  /** Of that chain, without a slash at the end; undefined when none is configured. */
  readonly explorerOf: (chainId: number) => string | undefined
  readonly cursors: Cursors
  /** @returns EIP-55, or undefined for a wrong checksum. */
  readonly checksummed: (address: string) => string | undefined
}

export type ViewTransaction = (transaction: Transaction) => Promise<TransactionView>

export const createViewTransaction = ({ attempts, callsOf, explorerOf }: Pick<ReadDeps, 'attempts' | 'callsOf' | 'explorerOf'>): ViewTransaction =>
  async (transaction) => transactionView(transaction, await attempts.ofTransaction(transaction.id), callsOf(transaction), explorerOf(transaction.chainId))

export const createGetTransaction = ({ transactions, ...deps }: Pick<ReadDeps, 'transactions' | 'attempts' | 'callsOf' | 'explorerOf'>) => {
  const view = createViewTransaction(deps)
  return async (id: string, userId: string): Promise<TransactionView> => await view(await findOwn(transactions, id, userId))
}

/** How often each of these has moved, of whatever kind it is; for whoever was shown them before. */
export const createCountMoves = (kinds: readonly Pick<TransactionRepository, 'countMoves'>[]) =>
  async (ids: readonly string[]) => ({ moves: (await Promise.all(kinds.map(async (kind) => await kind.countMoves(ids)))).flat() })

export interface ListGiven extends TransactionFilter { readonly limit: number, readonly cursor: string | undefined }

/** @throws Problem schemaViolation for a destination with a wrong checksum */
export const createListTransactions = ({ transactions, cursors, checksummed, ...deps }: ReadDeps) => {
  const view = createViewTransaction(deps)
  return async ({ limit, cursor, ...given }: ListGiven, userId: string): Promise<{ data: TransactionView[], next_cursor: string | null }> => {
    const { state, walletId, chainId, since, until } = given
    const destination = given.destination === undefined ? undefined : checksummed(given.destination)
    if (given.destination !== undefined && destination === undefined) throw new Problem(problems.schemaViolation, { faults: [{ path: 'query/destination', message: 'has a wrong EIP-55 checksum' }] })
    const scope = [userId, JSON.stringify([state, walletId, chainId, destination, since, until])]
    const before = cursor === undefined ? undefined : cursors.read(scope, cursor)
    // One more than asked tells whether there is a next page.
    const found = await transactions.listOf(userId, { ...given, destination, limit: limit + 1, before })
    const { page, nextCursor } = cursors.page(scope, found, limit)
    return {
      data: await Promise.all(page.map(view)),
      next_cursor: nextCursor
    }
  }
}
