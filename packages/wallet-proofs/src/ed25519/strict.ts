/**
 * What Solana's validators refuse before they compute (ed25519-dalek, `verify_strict`): encodings with a twin, and points
 * for which a signature needs no secret. OpenSSL, below node:crypto, accepts some of each.
 */

import { Buffer } from 'node:buffer'

// RFC 8032 §5.1: the prime of the field and the order of the base point.
const PRIME = '7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed'
const ORDER = '1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed'

/** The ordinates of the eight points of small order: 1 and p-1 belong to one point each, the others to two. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0'.repeat(64),
  '1'.padStart(64, '0'),
  '7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec',
  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826',
  '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7'
])

/** A 32-byte encoding of a point that is below p (RFC 8032 §5.1.3) and not of small order. Whether the curve has it is not asked. */
export function isStrictPoint (encoded: Uint8Array): boolean {
  const ordinate = Uint8Array.from(encoded)
  ordinate[31] = (ordinate[31] ?? 0) & 0x7f // the top bit is the sign of x
  const digits = toDigits(ordinate)
  return digits < PRIME && !SMALL_ORDER.has(digits)
}

/** R and S, 32 bytes each: a strict point, and a number below the order (RFC 8032 §5.1.7), so that S + L is no second signature. */
export const isStrictSignature = (signature: Uint8Array): boolean =>
  isStrictPoint(signature.subarray(0, 32)) && toDigits(signature.subarray(32)) < ORDER

/** Little-endian bytes as 64 hex digits, which sort as the numbers do. */
const toDigits = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString('hex')
