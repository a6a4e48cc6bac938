/** What is signed is what was asked for and confirmed: its row as it is now has the digest that was written down then. */
import type { TransactionIntent } from '@countersign/contracts'
import type { ReadDigests } from '../audit/read-digests.ts'
import { intentOf } from '../transactions/intent.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'

export interface FindAlteredDeps {
  readonly readDigests: ReadDigests
  readonly digestOf: (intent: TransactionIntent) => string
  readonly deployment: string
}

/** @returns ids of the rows that were changed since, in one round trip. */
export type FindAltered = (rows: readonly MovingTransaction[]) => Promise<ReadonlySet<string>>

export const createFindAltered = ({ readDigests, digestOf, deployment }: FindAlteredDeps): FindAltered => async (rows) => {
  if (rows.length === 0) return new Set()
  const recorded = await readDigests(rows.map(({ id }) => id))
  const isAsRecorded = (row: MovingTransaction): boolean => {
    const digest = digestOf(intentOf(deployment, row))
    const digests = recorded.get(row.id)
    return row.digest === digest && digests?.size === 1 && digests.has(digest)
  }
  return new Set(rows.filter((row) => !isAsRecorded(row)).map(({ id }) => id))
}
