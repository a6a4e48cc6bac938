import { Problem, problems } from '@countersign/contracts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { Countersigned } from './transaction.ts'

/** @throws Problem notFound, alike for what does not exist and what is another user's. */
export async function findOwn<Row extends Countersigned> (transactions: Pick<CountersignedRepository<Row>, 'find'>, id: string, userId: string): Promise<Row> {
  const transaction = await transactions.find(id)
  if (transaction === undefined || transaction.initiator !== userId) throw new Problem(problems.notFound)
  return transaction
}
