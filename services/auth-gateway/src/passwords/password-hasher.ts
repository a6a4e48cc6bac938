/** Password hashes, made and checked off the event loop (libuv's pool), a few at a time. */
import { availableParallelism } from 'node:os'
import { randomBytes } from 'node:crypto'
import argon2 from '@node-rs/argon2'
import bcrypt from '@node-rs/bcrypt'
import { createBoundedQueue } from '@countersign/runtime'
import { keyedHash } from '@countersign/secrets'
import { normalisePassword } from './password-text.ts'
import { ours, readStoredHash } from './stored-hash.ts'
import { createGroups } from './verdict-groups.ts'

export interface PasswordVerdict {
  readonly ok: boolean
  /** When ok: the stored hash is of an earlier system or of other parameters; replace it by `hash` of the same password. */
  readonly rehash: boolean
}

export interface PasswordHasher {
  /**
   * @param password that passwordFault found no fault in
   * @returns argon2id in the PHC string format, under 150 characters
   * @throws Problem unavailable when too many wait
   */
  readonly hash: (password: string) => Promise<string>
  /**
   * @param storedHash argon2id, or bcrypt of an earlier system; undefined: there is no such user, or no password, which takes as long as a wrong
   *   password for a hash of ours and is never ok. Unknown and overpriced formats are no match.
   * @throws Problem unavailable when too many wait
   */
  readonly verify: (password: string, storedHash: string | undefined) => Promise<PasswordVerdict>
}

export interface PasswordHasherOptions {
  /** Hashes at once, 19 MiB each. Default: one a core, and one thread of libuv's four is left for files and names. */
  readonly maxInFlight?: number
  /** How many may wait. Default: as many as are hashed in about 400 ms. */
  readonly queueLimit?: number
  /** While passwords wait for their hash every core hashes, and what follows a verdict takes from it: verdicts are given a group at a time then. */
  readonly nextGroup?: () => Promise<void>
  /**
   * 32 bytes that the database does not hold: without them a stolen hash cannot be tried. Hashes made with it name it (`keyid`) and are
   * worthless once it is lost or changed; hashes made without it still verify, and are to be replaced.
   */
  readonly pepper?: Uint8Array
}

/** UTF-16 units; bounds the normalising. Nobody has a longer password (the rule ends at 128 characters), so a longer one is merely wrong. */
const longestTried = 1_024
const hashesIn400Ms = 24
const threadsForHashes = 3
const groupMs = 80

export function createPasswordHasher ({
  maxInFlight = Math.min(availableParallelism(), threadsForHashes), queueLimit = hashesIn400Ms * maxInFlight, nextGroup = createGroups(groupMs), pepper
}: PasswordHasherOptions = {}): PasswordHasher {
  const queue = createBoundedQueue({ maxInFlight, queueLimit })
  const ourKeyId = pepper === undefined ? undefined : base64(keyedHash(pepper, 'keyid').subarray(0, 6))
  // Nobody knows a password for it; checking one against it costs what a hash of ours costs.
  const decoy = encode(base64(randomBytes(ours.saltLength)), base64(randomBytes(ours.outputLen)))

  function encode (salt: string, output: string): string {
    const { memoryCost, timeCost, parallelism } = ours
    return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}${ourKeyId === undefined ? '' : `,keyid=${ourKeyId}`}$${salt}$${output}`
  }

  /** Never throws: what the library cannot read is no match. */
  async function matches (password: string, stored: ReturnType<typeof readStoredHash>, text: string): Promise<boolean> {
    try {
      // bcrypt reads 72 bytes and no more, and so did the earlier system: a longer password is right by its first 72. It is replaced on the spot by
      // a hash of all that was typed, which ends the cutting. Refusing it instead would lock out whoever chose a long one.
      if (stored?.kind === 'bcrypt') return await bcrypt.verify(password, text)
      return await argon2.verify(text, password, { secret: stored?.keyId === undefined ? undefined : pepper })
    } catch {
      return false
    }
  }

  async function judge (password: string, storedHash: string): Promise<PasswordVerdict> {
    const tried = password.slice(0, longestTried)
    const read = tried === password ? readStoredHash(storedHash) : undefined
    const isKnown = read?.kind === 'bcrypt' || (read?.kind === 'argon2id' && (read.keyId === undefined || read.keyId === ourKeyId))
    const [stored, text] = isKnown ? [read, storedHash] as const : [readStoredHash(decoy), decoy] as const

    const normal = normalisePassword(tried)
    // Earlier systems hashed what was typed, as it was typed.
    for (const spelling of new Set([normal, tried])) {
      if (!await matches(spelling, stored, text) || text === decoy) continue
      return { ok: true, rehash: spelling !== normal || stored?.kind !== 'argon2id' || !stored.isCurrent || stored.keyId !== ourKeyId }
    }
    return { ok: false, rehash: false }
  }

  return {
    hash: async (password) => await queue.run(async () => {
      const { memoryCost, timeCost, parallelism, outputLen } = ours
      const hashed = await argon2.hash(normalisePassword(password), { memoryCost, timeCost, parallelism, outputLen, secret: pepper })
      const [output = '', salt = ''] = hashed.split('$').reverse()
      return encode(salt, output)
    }),

    async verify (password, storedHash = decoy) {
      const verdict = await queue.run(() => judge(password, storedHash))
      if (queue.waiting() > 0) await nextGroup()
      return verdict
    }
  }
}

/** Without padding, as the PHC string format has it. */
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '')
