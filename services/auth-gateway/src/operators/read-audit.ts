import { Problem, problems, type IdentityEvent } from '@countersign/contracts'
import type { AuditFilter, AuditReader } from './audit-reader.ts'

export interface ReadAuditDeps {
  readonly rows: Pick<AuditReader, 'page'>
  /** Opaque and authenticated, for this filter alone. */
  readonly cursors: { write (scope: string, lastId: string): string, read (scope: string, cursor: string): string | undefined }
}

export type ReadAudit = (filter: AuditFilter, limit: number, cursor?: string) => Promise<{ data: IdentityEvent[], nextCursor: string | null }>

/** @throws Problem schemaViolation for a cursor that was not written for this list */
export const createReadAudit = ({ rows, cursors }: ReadAuditDeps): ReadAudit => async (filter, limit, cursor) => {
  const scope = JSON.stringify([filter.subject ?? null, filter.event ?? null])
  const before = cursor === undefined ? undefined : cursors.read(scope, cursor)
  if (cursor !== undefined && before === undefined) throw new Problem(problems.schemaViolation, { faults: [{ path: 'query/cursor', message: 'is not a cursor of this list' }] })
  const data = await rows.page(filter, before, limit)
  const last = data.at(-1)
  return { data, nextCursor: last === undefined || data.length < limit ? null : cursors.write(scope, last.id) }
}
