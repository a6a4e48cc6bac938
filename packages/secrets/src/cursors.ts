/** Where a list goes on: opaque and authenticated, so that nobody pages through what is not theirs or makes up positions. */
import { Problem, problems } from '@countersign/contracts'
import { constantTimeEqual, keyedHash } from './keyed-hash.ts'

export interface Cursors {
  /** @param scope whose list it is and by what it is filtered: as many parts, in one order, for every list of a key. */
  write (scope: readonly string[], lastId: string): string
  /** @param found in the list's order, one row more than a page holds where there is one: it tells that there is a next page. */
  page<Row extends { readonly id: string }> (scope: readonly string[], found: readonly Row[], limit: number): { readonly page: Row[], readonly nextCursor: string | null }
  /** @throws Problem schemaViolation for a cursor that was not written for this list. */
  read (scope: readonly string[], cursor: string): string
}

const macBytes = 16

/** @param key 32 bytes, derived for this purpose alone. */
export function createCursors (key: Uint8Array): Cursors {
  const macOf = (scope: readonly string[], id: string): Buffer => keyedHash(key, ...scope, id).subarray(0, macBytes)
  const write: Cursors['write'] = (scope, lastId) => Buffer.concat([macOf(scope, lastId), Buffer.from(lastId, 'utf8')]).toString('base64url')
  return {
    write,
    page (scope, found, limit) {
      const page = found.slice(0, limit)
      const last = page.at(-1)
      return { page, nextCursor: found.length > limit && last !== undefined ? write(scope, last.id) : null }
    },
    read (scope, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const id = bytes.subarray(macBytes).toString('utf8')
      if (bytes.length > macBytes && constantTimeEqual(bytes.subarray(0, macBytes), macOf(scope, id))) return id
      throw new Problem(problems.schemaViolation, { faults: [{ path: 'query/cursor', message: 'is not a cursor of this list' }] })
    }
  }
}
