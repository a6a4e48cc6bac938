/** Which r and s count: settled here, in one place, because the back ends differ in what they tolerate. */

import { bytesToHex } from '@noble/hashes/utils.js'

export type ScalarFault = 'signature value is out of range' | 'signature is not in low-s form'

const ZERO = '0'.repeat(64)
// SEC 2 §2.4.1: the order of the group, and its half, rounded down.
const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
const HALF_ORDER = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0'

/**
 * What is wrong with r and s, 32 bytes each, big-endian; null: nothing. They count within 1 and n-1, s in the lower half:
 * (r, n - s) would pass as a second signature (EIP-2, BIP-146).
 */
export function faultOfScalars (compact: Uint8Array): ScalarFault | null {
  // Hex of one case and length sorts as the numbers do.
  const r = bytesToHex(compact.subarray(0, 32))
  const s = bytesToHex(compact.subarray(32))

  if (r === ZERO || s === ZERO || r >= ORDER || s >= ORDER) return 'signature value is out of range'
  return s > HALF_ORDER ? 'signature is not in low-s form' : null
}
