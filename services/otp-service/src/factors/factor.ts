/** A factor is an address that codes go to. Its root says which chain of proofs it stands in. */
import type { FactorKind } from '@countersign/contracts'

export { maskAddress } from '@countersign/contracts'

export interface Factor {
  readonly id: string
  readonly userId: string
  readonly kind: FactorKind
  /** As its owner wrote it; mail goes there. */
  readonly address: string
  readonly addressNormalised: string
  readonly provedAt: Date
  /** Of the owner: a factor added on the proof of another one inherits it. */
  readonly factorRoot: string
}

export interface FactorOwner {
  readonly userId: string
  /** 256 random bits in base64url, made at the first enrolment. */
  readonly factorRoot: string
}

/**
 * Two spellings of one mailbox. Local parts are case-sensitive by RFC 5321 §2.4 and by hardly any mail server, so that treating them
 * alike can only join what one person wrote in two ways.
 */
export const normaliseAddress = (address: string): string => address.toLowerCase()

/** Somebody else's enrolment was first; the transaction that throws this must not commit. */
export class AlreadyEnrolled extends Error {
  constructor () {
    super('the factors of this user changed meanwhile')
    this.name = 'AlreadyEnrolled'
  }
}
