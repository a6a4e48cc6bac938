import type { ClientSession } from 'mongodb'
import type { Mongo } from './connect.ts'

export interface TransactionOptions {
  /** For all tries together, the commit included. */
  readonly timeoutMs?: number
}

/**
 * Runs `work` in one transaction: it reads one snapshot and its writes happen all or not at all, on a majority of servers.
 * A write conflict runs `work` again, so it must have no effect outside the session it is given.
 * @returns what `work` returned in the run that was committed
 * @throws what `work` threw, untouched; MongoOperationTimeoutError when time is up (whether the commit happened is then unknown)
 */
export const inTransaction = async <T>(
  mongo: Pick<Mongo, 'client'>,
  work: (session: ClientSession) => Promise<T>,
  { timeoutMs = 10_000 }: TransactionOptions = {}
): Promise<T> =>
  mongo.client.withSession((session) => session.withTransaction(work, {
    readConcern: { level: 'snapshot' },
    writeConcern: { w: 'majority' },
    readPreference: 'primary',
    timeoutMS: timeoutMs
  }))

/**
 * For every `find` inside `inTransaction` that may come to more than a hundred rows: the driver puts the transaction's deadline on whatever
 * fetches the next batch, and the server refuses that, so all must come with the first.
 */
export const inOneBatch = { batchSize: 100_000 } as const
