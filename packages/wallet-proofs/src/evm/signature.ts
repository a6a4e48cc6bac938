/** The one form of signature that signs in: 65 bytes r, s, v with canonical values. */

import { hexToBytes } from '@noble/hashes/utils.js'
import type { EvmRefusal } from './refusals.ts'

export interface RecoverableSignature {
  /** r and s, 32 bytes each, big-endian. */
  readonly compact: Uint8Array
  readonly recovery: 0 | 1
}

const SIGNATURE = /^0x[0-9a-fA-F]{130}$/
const ZERO = '0'.repeat(64)
// SEC 2 §2.4.1: the order of the group, and its half, rounded down.
const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
const HALF_ORDER = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0'

// 27 and 28 by EIP-191 wallets, 0 and 1 by some hardware ones. EIP-155 values belong to transactions.
const RECOVERY: Readonly<Record<string, 0 | 1>> = { '1b': 0, '1c': 1, '00': 0, '01': 1 }

/** Range and low-s are settled here, in one place, because the back ends differ in what they tolerate. */
export function readSignature (text: string): RecoverableSignature | EvmRefusal {
  if (text.length !== 132 || !SIGNATURE.test(text)) return 'signature is not 65 bytes in 0x hex'

  // Hex of one case and length sorts as the numbers do.
  const digits = text.slice(2).toLowerCase()
  const r = digits.slice(0, 64)
  const s = digits.slice(64, 128)
  const recovery = RECOVERY[digits.slice(128)]

  if (recovery === undefined) return 'signature recovery id is not supported'
  if (r === ZERO || s === ZERO || r >= ORDER || s >= ORDER) return 'signature value is out of range'
  if (s > HALF_ORDER) return 'signature is not in low-s form' // EIP-2: (r, n - s) would pass as a second signature
  return { compact: hexToBytes(r + s), recovery }
}
