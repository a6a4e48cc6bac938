/** The one form of signature that signs in: 65 bytes r, s, v with canonical values. */

import { hexToBytes } from '@noble/hashes/utils.js'
import { faultOfScalars } from '../secp256k1/scalar-range.ts'
import type { EvmRefusal } from './refusals.ts'

export interface RecoverableSignature {
  /** r and s, 32 bytes each, big-endian. */
  readonly compact: Uint8Array
  readonly recovery: 0 | 1
}

const SIGNATURE = /^0x[0-9a-fA-F]{130}$/

// 27 and 28 by EIP-191 wallets, 0 and 1 by some hardware ones. EIP-155 values belong to transactions.
const RECOVERY: Readonly<Record<string, 0 | 1>> = { '1b': 0, '1c': 1, '00': 0, '01': 1 }

/** Range and low-s are settled before any curve code runs. */
export function readSignature (text: string): RecoverableSignature | EvmRefusal {
  if (text.length !== 132 || !SIGNATURE.test(text)) return 'signature is not 65 bytes in 0x hex'

  const compact = hexToBytes(text.slice(2, 130))
  const recovery = RECOVERY[text.slice(130).toLowerCase()]

  if (recovery === undefined) return 'signature recovery id is not supported'
  return faultOfScalars(compact) ?? { compact, recovery }
}
