import type { IdentityKind } from '@countersign/contracts'

/** A login of a user: one wallet account, one e-mail address, or one passkey. */
export interface Identity {
  /** CAIP-10 with the canonical address, or `email:` and the normalised address: one id for all spellings; or `passkey:` and the hash of its credential id. */
  readonly id: string
  readonly kind: IdentityKind
  /** As shown; of a passkey the id of its factor. */
  readonly address: string
}

/** A login as it is kept. */
export interface LinkedIdentity extends Identity {
  readonly userId: string
  readonly addedAt: Date
  /** Its holder has proved it. Wallets always have; an address waits for its code. */
  readonly verified: boolean
}

/** For the audit, which names no address of a person. */
export const auditedIdentity = (id: string): string => id.startsWith('email:') ? 'email' : id

/** Addresses differ in letter case only for people who type them. */
export const emailIdentityId = (address: string): string => `email:${address.toLowerCase()}`

export const passkeyIdentityId = (credentialHash: string): string => `passkey:${credentialHash}`
