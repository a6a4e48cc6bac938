/** Is this digest signed by this secp256k1 key? */

import { copyBytes } from '../input/bytes.ts'
import { readProperties } from '../input/properties.ts'
import { readDerSignature } from './der-signature.ts'
import { verifySecp256k1Digest } from './verify.ts'

export interface Secp256k1Proof {
  /** 32 bytes, signed as they are. */
  readonly hash: Uint8Array
  /** DER without a sighash byte, 8 to 72 bytes. */
  readonly signature: Uint8Array
  /** 33 bytes compressed or 65 uncompressed. */
  readonly publicKey: Uint8Array
}

/**
 * Checks an ECDSA signature of a 32-byte digest: DER to the letter (BIP-66), low s (BIP-146), a key in one of the two
 * forms of SEC 1 §2.3.3 and on the curve. Any value as input gives a verdict, never an exception.
 */
export function verifySecp256k1 (proof: Secp256k1Proof): { valid: boolean } {
  const read = readProperties(proof, ['hash', 'signature', 'publicKey'])
  const hash = copyBytes(read?.hash, 32)
  const signature = copyBytes(read?.signature, 8, 72)
  const publicKey = copyBytes(read?.publicKey, 33, 65)
  const compact = signature && readDerSignature(signature)

  return { valid: hash !== null && compact !== null && publicKey !== null && verifySecp256k1Digest(compact, hash, publicKey) }
}
