/** EIP-191, version 0x45: what `personal_sign` signs. */

import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/** keccak-256 over the prefix, the length in bytes (not characters), and the UTF-8 bytes of the text. */
export function hashPersonalMessage (message: Uint8Array): Uint8Array {
  return keccak_256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${message.length}`), message))
}
