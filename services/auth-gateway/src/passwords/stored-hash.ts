/** What a stored password hash is, read strictly: it may come from another system, and its parameters are what a check will cost us. */

/** argon2id, version 1.3, as RFC 9106 and the PHC string format write it. */
export interface Argon2idHash {
  readonly kind: 'argon2id'
  /** Which pepper it was made with, when with one. */
  readonly keyId: string | undefined
  /** Whether a hash made today would have the same parameters. */
  readonly isCurrent: boolean
}

export interface BcryptHash { readonly kind: 'bcrypt' }

/** OWASP Password Storage: 19 MiB, two passes, one lane. Measured at 12 to 17 ms on a core. */
export const ours = { memoryCost: 19_456, timeCost: 2, parallelism: 1, saltLength: 16, outputLen: 32 }

/** The dearest import that is still checked: some two seconds of a core. A forged or careless one must not cost a minute, or all memory. */
const dearest = { memoryCost: 262_144, timeCost: 10, parallelism: 4, bcryptCost: 14 }

// At least 8 bytes of salt and 16 of hash: a hash cut shorter would accept too much.
const argon2id = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)(?:,keyid=([A-Za-z0-9+/]{1,11}))?\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{22,86})$/
const bcrypt = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/

/** @returns undefined when it is of no known format, or costs more than we pay */
export function readStoredHash (text: string): Argon2idHash | BcryptHash | undefined {
  const [isArgon2id, m, t, p, keyId, salt, output] = argon2id.exec(text) ?? []
  if (isArgon2id !== undefined) return readArgon2id({ memoryCost: Number(m), timeCost: Number(t), parallelism: Number(p), saltLength: bytesIn(salt), outputLen: bytesIn(output) }, keyId)
  const cost = Number(bcrypt.exec(text)?.[1])
  return cost >= 4 && cost <= dearest.bcryptCost ? { kind: 'bcrypt' } : undefined
}

function readArgon2id (its: typeof ours, keyId: string | undefined): Argon2idHash | undefined {
  const { memoryCost, timeCost, parallelism } = its
  if (memoryCost > dearest.memoryCost || timeCost > dearest.timeCost || parallelism > dearest.parallelism) return undefined
  const isCurrent = memoryCost === ours.memoryCost && timeCost === ours.timeCost && parallelism === ours.parallelism &&
    its.saltLength === ours.saltLength && its.outputLen === ours.outputLen
  return { kind: 'argon2id', keyId, isCurrent }
}

/** Of base64 without padding. */
const bytesIn = (base64 = ''): number => Math.floor(base64.length * 3 / 4)
