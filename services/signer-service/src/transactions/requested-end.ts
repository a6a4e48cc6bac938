/** `valid_until` of a request: when it may no longer be approved or signed. */
import { Problem, problems } from '@countersign/contracts'
import type { Countersigned } from './transaction.ts'

/** The digest counts in seconds: a part of one is left out, so that nothing is valid for longer than was asked. @param ms since 1970 */
export const wholeSecond = (ms: number): Date => new Date(Math.floor(ms / 1_000) * 1_000)

/** By the database's clock, which stamped the row. @throws Problem schemaViolation */
export function refuseEnd ({ createdAt, validUntil }: Pick<Countersigned, 'createdAt' | 'validUntil'>, longestMs: number): void {
  const lifeMs = validUntil.getTime() - createdAt.getTime()
  if (!(lifeMs > 0)) throw fault('is over')
  if (lifeMs > longestMs) throw fault(`is later than its rule allows: ${Math.floor(longestMs / 1_000)} seconds from now`)
}

const fault = (message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path: 'body/valid_until', message }] })
