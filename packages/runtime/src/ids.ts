/** Ids of the house: a prefix that says what it is, then 48 bits of time and 80 random bits. */
import { randomFillSync } from 'node:crypto'

/** Crockford base 32: no I, L, O, U. Its characters sort like their values. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const timeCharacters = 10
const randomBytes = 10
/** Drawn for many ids at a time: the system call costs more than an id. */
const drawn = new Uint8Array(randomBytes * 256)
let used = drawn.length

/**
 * @param prefix what the id names, for example `tx`.
 * @param now milliseconds since the epoch; ids of later milliseconds sort after earlier ones.
 * @returns `prefix_` and 26 characters. Unguessable by 80 bits, but not a credential: ids are shown.
 */
export function newId (prefix: string, now: number = Date.now()): string {
  return `${prefix}_${encodeTime(now)}${encodeBytes(drawBytes())}`
}

/** @returns what sorts before every id of that millisecond and of later ones, and after all earlier ones. */
export const lowestId = (prefix: string, now: number): string => `${prefix}_${encodeTime(now)}`

/** @returns the milliseconds that an id was made at. */
export function timeOfId (id: string): number {
  let time = 0
  for (const character of id.slice(id.lastIndexOf('_') + 1).slice(0, timeCharacters)) time = time * 32 + alphabet.indexOf(character)
  return time
}

function drawBytes (): Uint8Array {
  if (used === drawn.length) {
    randomFillSync(drawn)
    used = 0
  }
  used += randomBytes
  return drawn.subarray(used - randomBytes, used)
}

function encodeTime (now: number): string {
  let rest = now
  let text = ''
  for (let i = 0; i < timeCharacters; i++) {
    text = alphabet.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

function encodeBytes (bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet.charAt((buffer >> bits) & 31)
    }
    buffer &= (1 << bits) - 1
  }
  return text
}
