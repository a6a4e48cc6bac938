/**
 * Recovery codes: 80 random bits each, kept as argon2id under a salt of their user. A keyed hash, as for mailed codes, would do while the
 * key is secret; but these lie in drawers for years, nobody can hash them anew when SECRET_KEY is rotated, and below 112 bits a database
 * that is lost alone should not be worth a search (ASVS 6.5.2, lesson 29). One salt for the ten, so that an answer costs one slow hash,
 * which is paid for by an attempt of its challenge before it is made. Wrong codes cost their account nothing, so that whoever holds a session may
 * have many hashed: a few at a time, and what could not begin soon is refused, with its attempt given back.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import argon2 from '@node-rs/argon2'
import { base32crockford } from '@scure/base'
import { createBoundedQueue } from '@countersign/runtime'

export interface RecoveryCodes {
  /** New codes as their owner is shown them, and what is kept of them. @throws Problem unavailable when too many wait */
  draw (): Promise<{ readonly codes: string[], readonly salt: string, readonly hashes: string[] }>
  /** @returns what would be kept of it under that salt; undefined when no code is written like that. @throws Problem unavailable when too many wait */
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

export interface RecoveryCodesOptions {
  /** Hashes at once, 19 MiB each. Default: on half of the cores, the other half is for everybody else's codes. */
  readonly maxInFlight?: number
  /** How many may wait: with those in flight fewer than a process takes commands of one caller, so that a flood leaves room for others. */
  readonly queueLimit?: number
}

const threadsForHashes = 3
const mayWait = 16

export function createRecoveryCodes ({ maxInFlight = Math.max(1, Math.min(availableParallelism() >> 1, threadsForHashes)), queueLimit = mayWait }: RecoveryCodesOptions = {}): RecoveryCodes {
  const queue = createBoundedQueue({ maxInFlight, queueLimit })
  const hashOf = async (bytes: Uint8Array, salt: string): Promise<string> =>
    (await argon2.hashRaw(bytes, { ...cost, salt: Buffer.from(salt, 'base64url') })).toString('base64url')
  return {
    async draw () {
      const salt = randomBytes(saltBytes).toString('base64url')
      const drawn = Array.from({ length: count }, () => randomBytes(codeBytes))
      const hashes = await queue.run(async () => {
        const made: string[] = []
        for (const bytes of drawn) made.push(await hashOf(bytes, salt))
        return made
      })
      return { codes: drawn.map(shownForm), salt, hashes }
    },
    async hash (typed, salt) {
      const bytes = bytesOf(typed)
      return bytes && await queue.run(() => hashOf(bytes, salt))
    }
  }
}
