import type { IdentityEvent } from '@countersign/contracts'
import type { AuditRow, Mongo } from '@countersign/mongo'

export interface AuditFilter {
  readonly subject?: string
  readonly event?: string
}

const atOnce = 100

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
    },

    /** What any of these is the subject of, newest first. Asked in portions that the index by subject serves in order. */
    async about (subjects: readonly string[], limit: number): Promise<IdentityEvent[]> {
      const found: AuditRow[] = []
      for (let from = 0; from < subjects.length; from += atOnce) {
        found.push(...await rows.find({ subject: { $in: subjects.slice(from, from + atOnce) } }).sort({ _id: -1 }).limit(limit).toArray())
      }
      return found.sort((a, b) => a._id < b._id ? 1 : -1).slice(0, limit).map(toEvent)
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
