/** Bitcoin's four ways to hash. */

import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { hash160 } from '../hashing/hash160.ts'

export { hash160, sha256 }

export const sha256Twice = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes))

/** BIP-340: sha256 in a domain of its own. The prefix is the same for every message, so it is hashed once. */
export function taggedHash (tag: string): (bytes: Uint8Array) => Uint8Array {
  const tagHash = sha256(utf8ToBytes(tag))
  const prefixed = sha256.create().update(concatBytes(tagHash, tagHash))
  return (bytes) => prefixed.clone().update(bytes).digest()
}
