/** How long the server keeps a transaction whose process died, and with it everything that the transaction wrote locked. */
import type { Mongo } from './connect.ts'

/** @returns seconds (transactionLifetimeLimitSeconds), or undefined when this user may not ask. Never throws. */
export async function abandonedTransactionSeconds ({ client }: Pick<Mongo, 'client'>): Promise<number | undefined> {
  try {
    const { transactionLifetimeLimitSeconds: seconds } = await client.db('admin').command({ getParameter: 1, transactionLifetimeLimitSeconds: 1 }, { timeoutMS: 2_000 }) as { transactionLifetimeLimitSeconds?: unknown }
    return typeof seconds === 'number' ? seconds : undefined
  } catch {
    return undefined
  }
}
