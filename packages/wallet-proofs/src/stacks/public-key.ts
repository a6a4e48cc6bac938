/** Public keys as Stacks wallets give them. */

import { bytesToHex } from '@noble/hashes/utils.js'
import { hash160 } from '../hashing/hash160.ts'

const PUBLIC_KEY = /^(?:0x)?(0[23][0-9a-fA-F]{64}|04[0-9a-fA-F]{128})$/

/** The hex digits, in lower case, of a compressed (33 bytes) or uncompressed key (65 bytes); undefined: neither. */
export function readStacksPublicKey (text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > 132) return undefined
  return PUBLIC_KEY.exec(text)?.[1]?.toLowerCase()
}

/** 33 bytes of a point in 65 (SEC 1 §2.3.3). */
export const compressed = (point: Uint8Array): Uint8Array =>
  Uint8Array.of((point[64] ?? 0) % 2 === 0 ? 2 : 3, ...point.subarray(1, 33))

/** True where `digits`, from `readStacksPublicKey`, are this point (65 bytes) in either form. */
export const isPoint = (digits: string, point: Uint8Array): boolean =>
  digits === bytesToHex(digits.length === 66 ? compressed(point) : point)

/** hash160 of the compressed key, 20 bytes. An address made of the uncompressed form is another one, and never matches. */
export const hashOfPoint = (point: Uint8Array): Uint8Array => hash160(compressed(point))
