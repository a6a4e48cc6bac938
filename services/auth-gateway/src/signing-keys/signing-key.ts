/** Keys that sign access tokens, and their lives. */
import type { Jwk } from '@countersign/secrets'

/** `next` is published and signs nothing yet; `previous` signs no more, and its tokens are good until they end; `retired` counts for nothing. */
export type KeyState = 'next' | 'current' | 'previous' | 'retired'

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly publicJwk: Jwk
  /** The private half under SECRET_KEY; gone once the key is retired. */
  readonly sealedPrivate?: string
  readonly state: KeyState
  readonly origin: 'environment' | 'command'
  readonly createdAt: Date
  /** When it begins to sign. */
  readonly signsFrom: Date
  /** When the last token that it signed has ended. */
  readonly retiresAt?: Date
}

/** So long others may keep a copy of the published keys: a key is published as long before its first token, and after its last. */
export const jwksCacheSeconds = 300
