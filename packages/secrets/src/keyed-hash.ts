/** Keyed hashes and comparisons that tell nothing by their duration. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * HMAC-SHA-256 over all parts. Each part is preceded by its length, so that no other split of the same bytes gives the same hash.
 * @param parts texts count as their UTF-8 bytes.
 * @returns 32 bytes.
 */
export function keyedHash (key: Uint8Array, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest()
}

/** New in each process: nobody can prepare two texts whose hashes share a prefix. */
const comparisonKey = randomBytes(32)

/** Compares in a time that depends on neither content nor where they differ; lengths may differ. */
export const constantTimeEqual = (a: string | Uint8Array, b: string | Uint8Array): boolean =>
  timingSafeEqual(keyedHash(comparisonKey, a), keyedHash(comparisonKey, b))
