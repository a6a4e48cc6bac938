/** Makes of r and s what a chain accepts: low s, and the parity that recovers the known key. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { nativeRecover, type RecoverPublicKey } from '@countersign/wallet-proofs'
import type { DigestSignature } from './key-ring.ts'
import { SignatureRefused } from './signature-refused.ts'

const { Point } = secp256k1
const { Fn } = Point

/** A key that signatures are held against. */
export interface VerifyingKey {
  /** 65 bytes */
  readonly publicKey: Uint8Array
  /** Ready to be multiplied: 30 ms and 300 KiB once, and every verification in JavaScript a fifth of the time. */
  readonly point: () => InstanceType<typeof Point>
}

/** @param publicKey 65 bytes */
export function verifyingKey (publicKey: Uint8Array): VerifyingKey {
  let point: InstanceType<typeof Point> | undefined
  return { publicKey, point: () => point ??= Point.fromBytes(publicKey).precompute(6) }
}

/**
 * A KMS gives either s or n - s; chains take the lower (EIP-2), so that nobody can make a second valid hash of a transaction. The parity is
 * the one that recovers this key: a signature of another digest or by another key has none. Recovery ids 2 and 3 (r overflowed the order,
 * chance 2^-127) have no place in a transaction and are refused as well.
 * @param recover libsecp256k1, a tenth of a millisecond; null: JavaScript, 0.6 ms
 * @throws SignatureRefused
 */
export function toRecoverableSignature (
  { r, s }: { r: bigint, s: bigint }, digest: Uint8Array, key: VerifyingKey, recover: RecoverPublicKey | null = nativeRecover()
): Pick<DigestSignature, 'r' | 's' | 'yParity'> {
  if (!Fn.isValidNot0(r) || !Fn.isValidNot0(s)) throw refused()
  const lowS = s > Fn.ORDER / 2n ? Fn.neg(s) : s
  const yParity = recover === null ? parityByPoint(r, lowS, digest, key) : parityByRecovery(r, lowS, digest, key, recover)
  return { r, s: lowS, yParity }
}

/** SEC 1 §4.1.6: of the two keys that may have made it one is this one, or neither is. */
function parityByRecovery (r: bigint, s: bigint, digest: Uint8Array, { publicKey }: VerifyingKey, recover: RecoverPublicKey): 0 | 1 {
  const compact = Buffer.concat([Fn.toBytes(r), Fn.toBytes(s)])
  for (const parity of [0, 1] as const) {
    const recovered = recover(compact, parity, digest)
    if (recovered !== null && Buffer.compare(recovered, publicKey) === 0) return parity
  }
  throw refused()
}

/** SEC 1 §4.1.4: verification finds the point whose x is r, and its y has the parity. */
function parityByPoint (r: bigint, s: bigint, digest: Uint8Array, { point }: VerifyingKey): 0 | 1 {
  const inverse = Fn.inv(s)
  const z = Fn.create(BigInt(`0x${Buffer.from(digest).toString('hex')}`))
  const found = Point.BASE.multiplyUnsafe(Fn.mul(z, inverse)).add(point().multiplyUnsafe(Fn.mul(r, inverse)))
  if (found.is0()) throw refused()
  const { x, y } = found.toAffine()
  if (x !== r) throw refused()
  return (y & 1n) === 0n ? 0 : 1
}

const refused = (): SignatureRefused => new SignatureRefused('the signature does not recover the known public key')
