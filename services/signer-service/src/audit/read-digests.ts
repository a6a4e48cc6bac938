/** Digests of intents as they were written down when transactions were admitted and confirmed: in rows that this service cannot change. */
import type { Db } from 'mongodb'

interface AuditRow { readonly subject: string, readonly facts: { readonly digest: string } }

/** @returns by the id of the transaction; more than one for one whose rows contradict each other. */
export type ReadDigests = (txIds: readonly string[]) => Promise<ReadonlyMap<string, ReadonlySet<string>>>

export function createReadDigests (db: Db): ReadDigests {
  const audit = db.collection<AuditRow>('audit')
  return async (txIds) => {
    const found = new Map<string, Set<string>>()
    const rows = audit.find({ subject: { $in: [...txIds] }, 'facts.digest': { $type: 'string' } }, { projection: { subject: 1, 'facts.digest': 1 } })
    for (const { subject, facts: { digest } } of await rows.toArray()) found.set(subject, (found.get(subject) ?? new Set()).add(digest))
    return found
  }
}
