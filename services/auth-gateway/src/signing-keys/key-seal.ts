/** Private keys at rest: sealed under a key of SECRET_KEY, bound to their own kid, so that none can be put in another's place. */
import { open, seal, type Jwk } from '@countersign/secrets'

export type KeySeal = ReturnType<typeof createKeySeal>

const place = (kid: string): string => `signing-key|${kid}`

/** @param key 32 bytes, derived for this purpose alone */
export const createKeySeal = (key: Uint8Array) => ({
  seal: (kid: string, privateJwk: Jwk): string => seal({ key, plaintext: JSON.stringify(privateJwk), associated: place(kid) }),

  /** @throws SealBroken when it was sealed under another SECRET_KEY, or changed */
  open: (kid: string, sealed: string): Jwk => JSON.parse(open({ key, sealed, associated: place(kid) }).toString('utf8')) as Jwk
})
