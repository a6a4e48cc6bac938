/** ECDSA over secp256k1 (SEC 1 §4.1.4), for every family that knows the signer's key. */

import { createRequire } from 'node:module'
import type * as Noble from '@noble/curves/secp256k1.js'
import { loadBindings } from './bindings.ts'
import { faultOfScalars } from './scalar-range.ts'

/** True for a signature by this key. Signature: r and s; digest: 32 bytes, not hashed again; key: 33 or 65 bytes. May throw. */
export type VerifyDigest = (compact: Uint8Array, digest: Uint8Array, publicKey: Uint8Array) => boolean

let verifyDigest: VerifyDigest | undefined

/**
 * Synchronous with either back end. False, never an exception, for other sizes too, for r or s out of range, for high s
 * and for a key that is no point of the curve or is in the hybrid form (first byte 6 or 7), which only one back end reads.
 */
export function verifySecp256k1Digest (compact: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  if (compact.length !== 64 || digest.length !== 32 || !hasPublicKeyForm(publicKey) || faultOfScalars(compact) !== null) return false
  verifyDigest ??= nativeVerify() ?? nobleVerify()
  try {
    return verifyDigest(compact, digest, publicKey)
  } catch {
    return false // no point of the curve
  }
}

/** SEC 1 §2.3.3: compressed or uncompressed. */
function hasPublicKeyForm ({ length, 0: first }: Uint8Array): boolean {
  return length === 33 ? first === 2 || first === 3 : length === 65 && first === 4
}

export function nativeVerify (): VerifyDigest | null {
  const bindings = loadBindings()
  return bindings && ((compact, digest, publicKey) => bindings.ecdsaVerify(compact, digest, publicKey))
}

/** Required, not imported, so that it is there at once where the addon is not, and costs nothing where it is. */
export function nobleVerify (): VerifyDigest {
  const { secp256k1 } = createRequire(import.meta.url)('@noble/curves/secp256k1.js') as typeof Noble
  return (compact, digest, publicKey) => secp256k1.verify(compact, digest, publicKey, { prehash: false, format: 'compact', lowS: true })
}
