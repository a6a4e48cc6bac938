import type { IdentityEvent } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import type { AuditFilter, AuditReader } from './audit-reader.ts'

export interface ReadAuditDeps {
  readonly rows: Pick<AuditReader, 'page'>
  readonly cursors: Cursors
}

export type ReadAudit = (filter: AuditFilter, limit: number, cursor?: string) => Promise<{ data: IdentityEvent[], nextCursor: string | null }>

/** @throws Problem schemaViolation for a cursor that was not written for this list */
export const createReadAudit = ({ rows, cursors }: ReadAuditDeps): ReadAudit => async (filter, limit, cursor) => {
  const scope = [filter.subject ?? '', filter.event ?? '']
  const before = cursor === undefined ? undefined : cursors.read(scope, cursor)
  const data = await rows.page(filter, before, limit)
  const last = data.at(-1)
  return { data, nextCursor: last === undefined || data.length < limit ? null : cursors.write(scope, last.id) }
}
