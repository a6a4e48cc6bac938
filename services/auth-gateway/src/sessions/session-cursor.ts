/** Where a list of sessions goes on: opaque and authenticated, so that nobody makes up positions or brings another user's. */
import { Problem, problems } from '@countersign/contracts'
import { constantTimeEqual, keyedHash } from '@countersign/secrets'

const macBytes = 16

export interface SessionCursors {
  write (userId: string, lastId: string): string
  /** @throws Problem schemaViolation */
  read (userId: string, cursor: string): string
}

/** @param key 32 bytes, derived for this purpose alone. */
export function createSessionCursors (key: Uint8Array): SessionCursors {
  const macOf = (userId: string, id: string): Buffer => keyedHash(key, userId, id).subarray(0, macBytes)
  return {
    write: (userId, lastId) => Buffer.concat([macOf(userId, lastId), Buffer.from(lastId, 'utf8')]).toString('base64url'),
    read (userId, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const id = bytes.subarray(macBytes).toString('utf8')
      if (bytes.length <= macBytes || !constantTimeEqual(bytes.subarray(0, macBytes), macOf(userId, id))) {
        throw new Problem(problems.schemaViolation, { faults: [{ path: 'query/cursor', message: 'is not a cursor of this list' }] })
      }
      return id
    }
  }
}
