/** Randomness from the operating system's generator. */
import { randomBytes, randomInt } from 'node:crypto'

const mostDigits = 32

/**
 * @param count 1 to 32.
 * @returns decimal digits, each one of ten with the same probability: `randomInt` draws again instead of taking a remainder.
 */
export function randomDigits (count: number): string {
  if (!Number.isInteger(count) || count < 1 || count > mostDigits) throw new Error(`between 1 and ${mostDigits} digits can be drawn`)
  return Array.from({ length: count }, () => randomInt(10)).join('')
}

/** @returns that many random bytes in lower-case hex. */
export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** @returns that many random bytes in base64url; 32 bytes are 43 characters. */
export const randomToken = (bytes: number): string => randomBytes(bytes).toString('base64url')
