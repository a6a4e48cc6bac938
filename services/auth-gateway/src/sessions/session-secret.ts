/** The secret of a session, for callers that send one text with each request: 256 random bits, of which only a keyed hash is kept. */
import { keyedHash } from '@countersign/secrets'

const form = /^sess_[A-Za-z0-9_-]{43}$/

export interface SessionSecrets {
  issue (): { readonly secret: string, readonly hash: string }
  /** @returns undefined for a text that cannot be a secret. */
  hashOf (secret: string): string | undefined
}

/** @param key 32 bytes, derived for this purpose alone; `random` gives 43 characters of base64url. */
export function createSessionSecrets (key: Uint8Array, random: () => string): SessionSecrets {
  const hash = (secret: string): string => keyedHash(key, secret).toString('base64url')
  return {
    issue () {
      const secret = `sess_${random()}`
      return { secret, hash: hash(secret) }
    },
    hashOf: (secret) => form.test(secret) ? hash(secret) : undefined
  }
}
