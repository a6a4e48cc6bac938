/** Base58 in Bitcoin's alphabet, without a checksum: Solana's keys and signatures. */

import { base58 } from '@scure/base'

// log(256) / log(58): characters for each byte that is not a leading zero; a leading zero takes one.
const CHARACTERS_PER_BYTE = 1.3658

/** Exactly `size` bytes, or null. Each byte string has one spelling; the length is settled first, since decoding is quadratic. */
export function decodeBase58 (text: unknown, size: number): Uint8Array | null {
  if (typeof text !== 'string' || text.length < size || text.length > Math.ceil(size * CHARACTERS_PER_BYTE)) return null
  try {
    const bytes = base58.decode(text)
    return bytes.length === size ? bytes : null
  } catch {
    return null // a character of no alphabet
  }
}
