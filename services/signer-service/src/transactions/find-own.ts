import { Problem, problems } from '@countersign/contracts'
import type { Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

/** @throws Problem notFound, alike for what does not exist and what is another user's. */
export async function findOwn (transactions: Pick<TransactionRepository, 'find'>, id: string, userId: string): Promise<Transaction> {
  const transaction = await transactions.find(id)
  if (transaction === undefined || transaction.initiator !== userId) throw new Problem(problems.notFound)
  return transaction
}
