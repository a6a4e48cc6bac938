/** The one form of Stacks signature that signs in: 65 bytes r, s, v (RSV) with canonical values. */

import { hexToBytes } from '@noble/hashes/utils.js'
import { faultOfScalars } from '../secp256k1/scalar-range.ts'
import type { StacksRefusal } from './refusals.ts'

export interface StacksSignature {
  /** r and s, 32 bytes each, big-endian. */
  readonly compact: Uint8Array
  readonly recovery: 0 | 1
}

const SIGNATURE = /^(?:0x)?[0-9a-fA-F]{130}$/

/**
 * Transactions and wallets' older interface have the same 65 bytes as v, r, s (VRS). Nothing tells the two apart by form:
 * read as RSV, such a signature has a v out of range or recovers a stranger's key.
 */
export function readStacksSignature (text: unknown): StacksSignature | StacksRefusal {
  if (typeof text !== 'string' || text.length > 132 || !SIGNATURE.test(text)) return 'signature is not 65 bytes in hex'

  const bytes = hexToBytes(text.slice(-130))
  const compact = bytes.subarray(0, 64)
  const recovery = bytes[64]

  if (recovery !== 0 && recovery !== 1) return 'signature recovery id is not supported'
  return faultOfScalars(compact) ?? { compact, recovery }
}
