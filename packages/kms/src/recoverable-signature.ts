/** Makes of r and s what a chain accepts: low s, and the parity that recovers the known key. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { DigestSignature } from './key-ring.ts'
import { SignatureRefused } from './signature-refused.ts'

const { Point } = secp256k1
const { Fn } = Point

/** A key's point, ready to be multiplied: 30 ms and 300 KiB once, and every verification a fifth of the time. */
export type VerifyingKey = ReturnType<typeof verifyingKey>

/** @param publicKey 65 bytes */
export const verifyingKey = (publicKey: Uint8Array) => Point.fromBytes(publicKey).precompute(6)

/**
 * A KMS gives either s or n - s; chains take the lower (EIP-2), so that nobody can make a second valid hash of a transaction.
 * ECDSA verification (SEC 1 §4.1.4) finds the point whose x is r, and its y has the parity that recovers this key (§4.1.6): a signature of
 * another digest or by another key finds none. Recovery ids 2 and 3 (r overflowed the order, chance 2^-127) have no place in a transaction
 * and are refused as well.
 * @throws SignatureRefused
 */
export function toRecoverableSignature ({ r, s }: { r: bigint, s: bigint }, digest: Uint8Array, key: VerifyingKey): Pick<DigestSignature, 'r' | 's' | 'yParity'> {
  if (!Fn.isValidNot0(r) || !Fn.isValidNot0(s)) throw refused()
  const lowS = s > Fn.ORDER / 2n ? Fn.neg(s) : s
  const inverse = Fn.inv(lowS)
  const z = Fn.create(BigInt(`0x${Buffer.from(digest).toString('hex')}`))
  const found = Point.BASE.multiplyUnsafe(Fn.mul(z, inverse)).add(key.multiplyUnsafe(Fn.mul(r, inverse)))
  if (found.is0()) throw refused()
  const { x, y } = found.toAffine()
  if (x !== r) throw refused()
  return { r, s: lowS, yParity: (y & 1n) === 0n ? 0 : 1 }
}

const refused = (): SignatureRefused => new SignatureRefused('the signature does not recover the known public key')
