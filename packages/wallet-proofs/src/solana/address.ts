/** A Solana account address is its Ed25519 public key. */

import { isStrictPoint } from '../ed25519/strict.ts'
import { decodeBase58 } from '../encoding/base58.ts'

/**
 * Base58 has one spelling per key, so there is nothing to normalise.
 * @returns undefined for anything but 32 bytes in base58 that can be a key; whether the curve has the point is not asked.
 */
export function canonicalSolanaAddress (address: string): string | undefined {
  const key = decodeBase58(address, 32)
  return key !== null && isStrictPoint(key) ? address : undefined
}
