/** Where a list goes on: opaque and authenticated, so that nobody makes up positions. */
import { constantTimeEqual, keyedHash } from '@countersign/secrets'

const macBytes = 16

/** @param key 32 bytes, derived for this purpose alone */
export const createCursors = (key: Uint8Array) => {
  const macOf = (scope: string, id: string): Buffer => keyedHash(key, scope, id).subarray(0, macBytes)
  return {
    write: (scope: string, lastId: string): string => Buffer.concat([macOf(scope, lastId), Buffer.from(lastId, 'utf8')]).toString('base64url'),
    /** @returns undefined for a cursor that was not written for this list */
    read (scope: string, cursor: string): string | undefined {
      const bytes = Buffer.from(cursor, 'base64url')
      const id = bytes.subarray(macBytes).toString('utf8')
      return bytes.length > macBytes && constantTimeEqual(bytes.subarray(0, macBytes), macOf(scope, id)) ? id : undefined
    }
  }
}
