/**
 * Reads ECDSA-Sig-Value (RFC 3279 §2.2.3) in strict DER (X.690 §8.3, §10.1).
 * Written out instead of taken from a library, whose leniency changes with its versions: one signature must have one encoding.
 */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { SignatureRefused } from './signature-refused.ts'

const { n } = secp256k1.Point.CURVE()
const sequenceTag = 0x30
const integerTag = 0x02
/** 32 bytes, and a zero in front when the first bit is set. */
const longestInteger = 33

/**
 * Grammar: 30 L, 02 Lr r, 02 Ls s, and nothing after. With integers of at most 33 bytes, L is at most 70: no length needs the long form.
 * @returns r and s, both in 1..n-1
 * @throws SignatureRefused
 */
export function parseDerSignature (der: Uint8Array): { r: bigint, s: bigint } {
  if (der[0] !== sequenceTag) throw new SignatureRefused('not a DER sequence')
  if (der[1] !== der.length - 2 || der.length > 2 + 2 * (2 + longestInteger)) throw new SignatureRefused('wrong length of the DER sequence')
  const r = readInteger(der, 2)
  const s = readInteger(der, r.end)
  if (s.end !== der.length) throw new SignatureRefused('bytes after the second DER integer')
  return { r: r.value, s: s.value }
}

function readInteger (der: Uint8Array, start: number): { value: bigint, end: number } {
  const length = der[start + 1] ?? 0
  const end = start + 2 + length
  if (der[start] !== integerTag) throw new SignatureRefused('not a DER integer')
  if (length < 1 || length > longestInteger || end > der.length) throw new SignatureRefused('wrong length of a DER integer')
  const [first = 0, second = 0] = der.subarray(start + 2, end)
  if ((first & 0x80) !== 0) throw new SignatureRefused('negative DER integer')
  if (length > 1 && first === 0 && (second & 0x80) === 0) throw new SignatureRefused('needless zero before a DER integer')
  const value = BigInt(`0x${Buffer.from(der.subarray(start + 2, end)).toString('hex')}`)
  if (value === 0n || value >= n) throw new SignatureRefused('r or s outside of 1..n-1')
  return { value, end }
}
