/** How Bitcoin writes numbers, byte strings and lists: little-endian, and counted by compact sizes. */

import { concatBytes } from '@noble/hashes/utils.js'

/** Reads onward and never throws: whoever runs past the end gets zeros and nothing, and `finished` stays false. */
export interface Reader {
  /** Up to four bytes, little-endian. */
  number (length: number): number
  take (length: number): Uint8Array
  /** Minimally written, as every node demands; above 2^32 nothing can follow. */
  compactSize (): number
  byteString (): Uint8Array
  byteStrings (): Uint8Array[]
  /** Everything was there, and nothing is left. */
  finished (): boolean
}

const NOTHING = new Uint8Array()

export function createReader (bytes: Uint8Array): Reader {
  let at = 0
  let failed = false

  const fail = (): 0 => {
    failed = true
    return 0
  }
  const take = (length: number): Uint8Array => {
    if (failed || length > bytes.length - at) fail()
    if (failed) return NOTHING
    at += length
    return bytes.subarray(at - length, at)
  }
  const number = (length: number): number => take(length).reduceRight((sum, byte) => sum * 256 + byte, 0)
  const atLeast = (least: number, value: number): number => value < least ? fail() : value
  const compactSize = (): number => {
    const first = number(1)
    if (first < 0xfd) return first
    if (first === 0xfd) return atLeast(0xfd, number(2))
    return first === 0xfe ? atLeast(0x10000, number(4)) : fail()
  }
  const byteString = (): Uint8Array => take(compactSize())
  const byteStrings = (): Uint8Array[] => {
    const list: Uint8Array[] = []
    for (let left = compactSize(); left > 0 && !failed; left -= 1) list.push(byteString())
    return list
  }

  return { number, take, compactSize, byteString, byteStrings, finished: () => !failed && at === bytes.length }
}

export const uint32 = (value: number): Uint8Array => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)

/** For what is measured here: under 2^32. */
export function compactSize (value: number): Uint8Array {
  if (value < 0xfd) return Uint8Array.of(value)
  return value < 0x10000 ? concatBytes(Uint8Array.of(0xfd), uint32(value).subarray(0, 2)) : concatBytes(Uint8Array.of(0xfe), uint32(value))
}

export const byteString = (bytes: Uint8Array): Uint8Array => concatBytes(compactSize(bytes.length), bytes)
