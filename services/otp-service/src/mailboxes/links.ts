/**
 * Link tokens and what is stored of them. A token has 256 bits and is never guessed, so that no attempt is counted; it is found by its
 * HMAC, under a key that the database never sees, and answers to no browser in particular: mail is often opened in another one.
 */
import type { MailboxPurpose } from '@countersign/contracts'
import { deriveKey, keyedHash, randomToken } from '@countersign/secrets'

/** A link about a new factor is made and stored like those that prove a mailbox, and never passes for one. */
export type LinkPurpose = MailboxPurpose | 'factor_objection'

export interface Links {
  readonly draw: (purpose: LinkPurpose) => { readonly token: string, readonly linkMac: string }
  /** Under each key that is known: what to look for. The text as it is, so that no token has a second spelling. */
  readonly macsOf: (purpose: LinkPurpose, token: string) => string[]
}

const tokenBytes = 32

/** @param previousSecretKey still finds what was stored under it; nothing new is. */
export function createLinks (secretKey: string, previousSecretKey?: string): Links {
  const current = deriveKey(secretKey, 'otp-service/link/v1')
  const keys = [current, ...previousSecretKey === undefined ? [] : [deriveKey(previousSecretKey, 'otp-service/link/v1')]]
  const macOf = (key: Buffer, purpose: LinkPurpose, token: string): string => keyedHash(key, purpose, token).toString('base64url')

  return {
    draw (purpose) {
      const token = randomToken(tokenBytes)
      return { token, linkMac: macOf(current, purpose, token) }
    },
    macsOf: (purpose, token) => keys.map((key) => macOf(key, purpose, token))
  }
}
