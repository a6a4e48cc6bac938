/**
 * Recovery codes: 80 random bits each, kept as argon2id under a salt of their user. A keyed hash, as for mailed codes, would do while the
 * key is secret; but these lie in drawers for years, nobody can hash them anew when SECRET_KEY is rotated, and below 112 bits a database
 * that is lost alone should not be worth a search (ASVS 6.5.2, lesson 29). One salt for the ten, so that an answer costs one slow hash,
 * which is paid for by an attempt of the account's budget before it is made.
 */
import { randomBytes } from 'node:crypto'
import argon2 from '@node-rs/argon2'
import { base32crockford } from '@scure/base'

export interface RecoveryCodes {
  /** New codes as their owner is shown them, and what is kept of them. */
  draw (): Promise<{ readonly codes: string[], readonly salt: string, readonly hashes: string[] }>
  /** @returns what would be kept of it under that salt; undefined when no code is written like that. */
  hash (typed: string, salt: string): Promise<string | undefined>
}

const count = 10
const codeBytes = 10
const saltBytes = 16
/** OWASP's floor: 19 MiB, two passes, one lane. `algorithm` 2 is argon2id. */
const cost = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const

/** @returns groups of four: `7Q4Z-0RWA-K93M-VX1D`. */
const shownForm = (bytes: Uint8Array): string => base32crockford.encode(bytes).match(/.{4}/g)?.join('-') ?? ''

/** Case, hyphens and the letters that look like digits are no difference. @returns undefined for what is no code. */
export function bytesOf (typed: string): Buffer | undefined {
  const plain = typed.replaceAll('-', '').toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{16}$/.test(plain) ? Buffer.from(base32crockford.decode(plain)) : undefined
}

export function createRecoveryCodes (): RecoveryCodes {
  const hashOf = async (bytes: Uint8Array, salt: string): Promise<string> =>
    (await argon2.hashRaw(bytes, { ...cost, salt: Buffer.from(salt, 'base64url') })).toString('base64url')
  return {
    async draw () {
      const salt = randomBytes(saltBytes).toString('base64url')
      const drawn = Array.from({ length: count }, () => randomBytes(codeBytes))
      return { codes: drawn.map(shownForm), salt, hashes: await Promise.all(drawn.map((bytes) => hashOf(bytes, salt))) }
    },
    async hash (typed, salt) {
      const bytes = bytesOf(typed)
      return bytes && await hashOf(bytes, salt)
    }
  }
}
