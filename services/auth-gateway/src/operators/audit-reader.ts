import type { IdentityEvent } from '@countersign/contracts'
import type { AuditRow, IndexSpec, Mongo } from '@countersign/mongo'

export interface AuditFilter {
  readonly subject?: string
  readonly event?: string
}

/** Reading by event alone, newest first; by subject is the audit's own index. */
export const auditReaderIndexes: readonly IndexSpec[] = [
  { collection: 'audit', name: 'by_event', key: { event: 1, _id: 1 } }
]

export type AuditReader = ReturnType<typeof createAuditReader>

export function createAuditReader (mongo: Mongo) {
  const rows = mongo.db.collection<AuditRow>('audit')
  return {
    /** Ids sort by time, so a page goes on before the last one. */
    async page ({ subject, event }: AuditFilter, before: string | undefined, limit: number): Promise<IdentityEvent[]> {
      const found = await rows.find({
        ...subject !== undefined && { subject }, ...event !== undefined && { event }, ...before !== undefined && { _id: { $lt: before } }
      }).sort({ _id: -1 }).limit(limit).toArray()
      return found.map(toEvent)
    }
  }
}

const toEvent = ({ _id, event, subject, actor, requestId, facts, recordedAt }: AuditRow): IdentityEvent => ({
  id: _id,
  event,
  subject,
  actor: actor ?? null,
  request_id: requestId ?? null,
  facts: { ...facts },
  recorded_at: new Date(recordedAt.getHighBitsUnsigned() * 1000).toISOString()
})
