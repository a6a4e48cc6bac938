/** Makes of r and s what a chain accepts: low s, and the parity that recovers the known key. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { DigestSignature } from './key-ring.ts'
import { SignatureRefused } from './signature-refused.ts'

const { n } = secp256k1.Point.CURVE()

/**
 * A KMS gives either s or n - s; chains take the lower (EIP-2), so that nobody can make a second valid hash of a transaction.
 * Recovery against the known key is the verification: a signature of another digest or by another key recovers neither way.
 * Recovery ids 2 and 3 (r overflowed the order, chance 2^-127) have no place in a transaction and are refused as well.
 * @param publicKey 65 bytes
 * @throws SignatureRefused when neither parity gives the key
 */
export function toRecoverableSignature ({ r, s }: { r: bigint, s: bigint }, digest: Uint8Array, publicKey: Uint8Array): DigestSignature {
  const lowS = s > n / 2n ? n - s : s
  for (const yParity of [0, 1] as const) {
    const recovered = recover({ r, s: lowS, yParity }, digest)
    if (recovered !== undefined && Buffer.compare(recovered, publicKey) === 0) return { r, s: lowS, yParity }
  }
  throw new SignatureRefused('the signature does not recover the known public key')
}

function recover ({ r, s, yParity }: DigestSignature, digest: Uint8Array): Uint8Array | undefined {
  try {
    return new secp256k1.Signature(r, s).addRecoveryBit(yParity).recoverPublicKey(digest).toBytes(false)
  } catch {
    // r is the x of no point, or the sum is the point at infinity: nobody's signature.
    return undefined
  }
}
