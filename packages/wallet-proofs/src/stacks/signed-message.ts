/** What a Stacks wallet signs for `stx_signMessage`. */

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

// The retired prefix, "\x18Stacks Message Signing:\n", is another text for another hash: nothing signed under it verifies.
const PREFIX = Buffer.from('\x17Stacks Signed Message:\n')

/**
 * One SHA-256 over the prefix, the length in bytes (not characters), and the text in UTF-8; 32 bytes. Source:
 * `hashMessage` of @stacks/encryption 7.
 */
export function hashStacksMessage (message: Uint8Array): Uint8Array {
  return createHash('sha256').update(PREFIX).update(compactSize(message.length)).update(message).digest()
}

/** Bitcoin's variable-length integer, up to 2^32 - 1. */
function compactSize (value: number): Uint8Array {
  if (value < 0xfd) return Uint8Array.of(value)
  if (value <= 0xffff) return Uint8Array.of(0xfd, value & 0xff, value >> 8)
  return Uint8Array.of(0xfe, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24)
}
