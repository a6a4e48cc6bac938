/** Where a list goes on: opaque and authenticated, so that nobody pages through what is not theirs or makes up positions. */
import { Problem, problems } from '@countersign/contracts'
import { constantTimeEqual, keyedHash } from '@countersign/secrets'

export interface ListScope { readonly userId: string, readonly state: string | undefined }

const macBytes = 16

export interface Cursors {
  write (scope: ListScope, lastId: string): string
  /** @throws Problem schemaViolation for a cursor that was not written for this list. */
  read (scope: ListScope, cursor: string): string
}

/** @param key 32 bytes, derived for this purpose alone. */
export function createCursors (key: Uint8Array): Cursors {
  const macOf = ({ userId, state = '' }: ListScope, id: string): Buffer => keyedHash(key, userId, state, id).subarray(0, macBytes)
  return {
    write: (scope, lastId) => Buffer.concat([macOf(scope, lastId), Buffer.from(lastId, 'utf8')]).toString('base64url'),
    read: (scope, cursor) => {
      const bytes = Buffer.from(cursor, 'base64url')
      const id = bytes.subarray(macBytes).toString('utf8')
      if (bytes.length <= macBytes || !constantTimeEqual(bytes.subarray(0, macBytes), macOf(scope, id))) {
        throw new Problem(problems.schemaViolation, { faults: [{ path: 'query/cursor', message: 'is not a cursor of this list' }] })
      }
      return id
    }
  }
}
