/** Schnorr signatures over secp256k1 (BIP-340). */

import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import type * as Noble from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { loadBindings } from './bindings.ts'

/** True for a signature (64 bytes) of a digest (32 bytes) by a key (32 bytes: its x). May throw. */
export type VerifySchnorr = (signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array) => boolean

const EVEN = 2

let verifySchnorr: VerifySchnorr | undefined

/** Synchronous with either back end. False, never an exception, for other sizes too and for a key that is no x of a point. */
export function verifySchnorrDigest (signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || digest.length !== 32 || publicKey.length !== 32) return false
  verifySchnorr ??= nativeSchnorr() ?? nobleSchnorr()
  try {
    return verifySchnorr(signature, digest, publicKey)
  } catch {
    return false // no point of the curve, or no scalar of its group
  }
}

/**
 * The addon has no Schnorr, but all that BIP-340's verification consists of: R = s·G − e·P, and R must have an even y and
 * the x that was signed. What it cannot compute (s of 0 or beyond the order, a sum at infinity) it throws at; BIP-340 fails
 * the same, but for s = 0 and for e of 0 or beyond the order, which no signer meets: one in 2^127.
 */
export function nativeSchnorr (): VerifySchnorr | null {
  const bindings = loadBindings()
  return bindings && ((signature, digest, publicKey) => {
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32)]
    const minusE = bindings.privateKeyNegate(challenge(concatBytes(r, publicKey, digest)))
    const sG = bindings.publicKeyCreate(s)
    const minusEP = bindings.publicKeyTweakMul(withEvenY(publicKey), minusE)
    return Buffer.compare(bindings.publicKeyCombine([sG, minusEP]), withEvenY(r)) === 0
  })
}

/** Required, not imported, so that it is there at once where the addon is not, and costs nothing where it is. */
export function nobleSchnorr (): VerifySchnorr {
  const { schnorr } = createRequire(import.meta.url)('@noble/curves/secp256k1.js') as typeof Noble
  return (signature, digest, publicKey) => schnorr.verify(signature, digest, publicKey)
}

const withEvenY = (x: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(EVEN), x)

const tag = sha256(utf8ToBytes('BIP0340/challenge'))
const challenge = (bytes: Uint8Array): Uint8Array => sha256(concatBytes(tag, tag, bytes))
