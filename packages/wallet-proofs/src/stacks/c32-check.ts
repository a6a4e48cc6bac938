/** c32check, the address encoding of Stacks (SIP-005): Crockford's base 32 with a version and a checksum. */

import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SHAPE = /^S[0-9A-HJKMNP-TV-Z]{25,40}$/
const LIMIT = 1n << 192n // 20 bytes of hash and 4 of checksum

export interface StacksAccount {
  readonly version: number
  /** 20 bytes: RIPEMD-160 of the SHA-256 of the public key. */
  readonly hash: Uint8Array
}

/** `S`, the version as one character, then hash and checksum as one number with a `0` for each leading zero byte. */
export function writeC32Check ({ version, hash }: StacksAccount): string {
  const checksum = sha256(sha256(concatBytes(Uint8Array.of(version), hash))).subarray(0, 4)
  const payload = concatBytes(hash, checksum)
  const firstNonZero = payload.findIndex((byte) => byte !== 0)
  const zeros = firstNonZero === -1 ? payload.length : firstNonZero

  let digits = ''
  for (let rest = BigInt(`0x${bytesToHex(payload)}`); rest > 0n; rest >>= 5n) digits = digitOf(Number(rest & 31n)) + digits
  return `S${digitOf(version)}${'0'.repeat(zeros)}${digits}`
}

/**
 * Undefined for whatever `writeC32Check` would not have written: a wrong checksum, other padding, lower case, and the
 * letters O, I and L that Crockford's rules read as digits.
 */
export function readC32Check (text: string): StacksAccount | undefined {
  if (text.length > 42 || !SHAPE.test(text)) return undefined

  let payload = 0n
  for (const digit of text.slice(2)) payload = (payload << 5n) | BigInt(ALPHABET.indexOf(digit))
  if (payload >= LIMIT) return undefined

  const account = { version: ALPHABET.indexOf(text.charAt(1)), hash: hexToBytes(payload.toString(16).padStart(48, '0').slice(0, 40)) }
  return writeC32Check(account) === text ? account : undefined
}

const digitOf = (value: number): string => ALPHABET.charAt(value)
