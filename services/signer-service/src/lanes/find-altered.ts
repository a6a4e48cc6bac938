/** What is signed is what was asked for and confirmed: its row as it is now has the digest that was written down then. */
import type { ReadDigests } from '../audit/read-digests.ts'
import type { Countersigned, MovingTransaction } from '../transactions/transaction.ts'

type Recorded = Pick<Countersigned, 'id' | 'digest'>

export interface FindAlteredDeps<Row extends Recorded> {
  readonly readDigests: ReadDigests
  /** Made anew from the row. */
  readonly digestOf: (row: Row) => string
}

/** @returns ids of the rows that were changed since, in one round trip. */
export type FindAltered<Row extends Recorded = MovingTransaction> = (rows: readonly Row[]) => Promise<ReadonlySet<string>>

export const createFindAltered = <Row extends Recorded>({ readDigests, digestOf }: FindAlteredDeps<Row>): FindAltered<Row> => async (rows) => {
  if (rows.length === 0) return new Set()
  const recorded = await readDigests(rows.map(({ id }) => id))
  const isAsRecorded = (row: Row): boolean => {
    const digest = digestOf(row)
    const digests = recorded.get(row.id)
    return row.digest === digest && digests?.size === 1 && digests.has(digest)
  }
  return new Set(rows.filter((row) => !isAsRecorded(row)).map(({ id }) => id))
}
