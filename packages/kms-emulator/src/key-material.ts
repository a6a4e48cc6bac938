/** secp256k1 keys as KMS shows them: the public half as SPKI, signatures as DER with a random nonce. */

import { createHash, randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'

/** SubjectPublicKeyInfo { ecPublicKey, secp256k1 } up to the BIT STRING's content (RFC 5480 §2). */
const spkiPrefix = Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex')
const { n } = secp256k1.Point.CURVE()

export function randomPrivateKey (): Uint8Array {
  return secp256k1.utils.randomSecretKey()
}

/**
 * Reads a private key written as 64 hex digits, with or without `0x`.
 * @throws Error without the value when it is no private key of the curve
 */
export function privateKeyFromHex (text: string): Uint8Array {
  const key = /^(0x)?[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text.slice(-64), 'hex') : undefined
  if (key === undefined || !secp256k1.utils.isValidSecretKey(key)) throw new Error('not a secp256k1 private key of 64 hex digits')
  return key
}

/** The public key as 88 bytes of DER-encoded SPKI, the answer of GetPublicKey. */
export function spkiOf (privateKey: Uint8Array): Buffer {
  return Buffer.concat([spkiPrefix, secp256k1.getPublicKey(privateKey, false)])
}

/** SHA-256 of a RAW message: what ECDSA_SHA_256 signs. */
export function digestOf (message: Uint8Array): Uint8Array {
  return createHash('sha256').update(message).digest()
}

/**
 * Signs 32 bytes as KMS does: fresh randomness per signature, S left as it falls, so about half are high.
 * @returns DER ECDSA-Sig-Value
 */
export function signDer (privateKey: Uint8Array, digest: Uint8Array, given: { highS: boolean }): Uint8Array {
  const bytes = secp256k1.sign(digest, privateKey, { prehash: false, lowS: false, extraEntropy: randomBytes(32), format: 'compact' })
  const signature = secp256k1.Signature.fromBytes(bytes, 'compact')
  const chosen = given.highS && !signature.hasHighS() ? new secp256k1.Signature(signature.r, n - signature.s) : signature
  return chosen.toBytes('der')
}
