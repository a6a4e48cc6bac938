/** What an owner answers with. A factor's root says which chain of proofs it stands in. */
import { maskAddress } from '@countersign/contracts'
import type { FactorWallet } from '../wallets/factor-wallet.ts'

export { maskAddress } from '@countersign/contracts'

interface AnyFactor {
  readonly id: string
  readonly userId: string
  readonly provedAt: Date
  /** Of the owner: a factor added on the proof of another one inherits it. */
  readonly factorRoot: string
}

/** An address that codes go to. */
export interface EmailFactor extends AnyFactor {
  readonly kind: 'email_code'
  /** As its owner wrote it; mail goes there. */
  readonly address: string
  readonly addressNormalised: string
}

/** A telephone number that codes go to. */
export interface SmsFactor extends AnyFactor {
  readonly kind: 'sms'
  /** E.164 */
  readonly number: string
  /** Null: its owner gave it none. */
  readonly name: string | null
}

export interface TotpFactor extends AnyFactor {
  readonly kind: 'totp'
  readonly name: string
  readonly sealedSecret: string
  /** RFC 6238 §5.2: the step of the last code that was accepted. That code and those before it answer nothing any more. */
  readonly lastStep: number
}

export interface RecoveryCodesFactor extends AnyFactor {
  readonly kind: 'recovery_codes'
  readonly name: string
  /** 128 random bits, base64url, of all codes of this user. */
  readonly salt: string
  /** Of the codes that are left, base64url. */
  readonly hashes: readonly string[]
}

/** A user may have several, in one authenticator or in many. */
export interface PasskeyFactor extends AnyFactor {
  readonly kind: 'passkey'
  readonly name: string
  /** base64url; of all users, one has it. */
  readonly credentialId: string
  /** COSE key, base64url. */
  readonly publicKey: string
  /** 256 random bits, base64url: what authenticators know the user by. */
  readonly userHandle: string
  /** As its authenticator last told it; 0 of one that does not count. */
  readonly counter: number
  readonly transports: readonly PasskeyTransport[]
  /** It may be kept in more places than one device; and it was when it was last used. */
  readonly backupEligible: boolean
  readonly backedUp: boolean
  readonly lastUsedAt: Date | null
}

export type PasskeyTransport = 'ble' | 'hybrid' | 'internal' | 'nfc' | 'usb'

/** A wallet that signs the action itself. A user may have several; one may be a factor of several users, and is one of each at most. */
export interface WalletFactor extends AnyFactor {
  readonly kind: 'wallet'
  /** Null: it is called by its address. */
  readonly name: string | null
  /** CAIP-10 with the canonical address, as it was proved: of a key on all chains, or of a contract on one. */
  readonly account: string
  readonly wallet: FactorWallet
}

export type Factor = EmailFactor | SmsFactor | TotpFactor | RecoveryCodesFactor | PasskeyFactor | WalletFactor

export const isPasskey = (factor: Factor): factor is PasskeyFactor => factor.kind === 'passkey'

export interface FactorOwner {
  readonly userId: string
  /** 256 random bits in base64url, made at the first enrolment. */
  readonly factorRoot: string
}

/** How lists and mails call a factor: a masked address or number, the name that its owner gave it, or both. */
export function labelOf (factor: Factor): string {
  if (factor.kind === 'email_code') return maskAddress(factor.address)
  if (factor.kind === 'sms') return factor.name === null ? maskAddress(factor.number) : `${factor.name}, ${maskAddress(factor.number)}`
  return factor.kind === 'wallet' ? factor.name ?? factor.wallet.address : factor.name
}

/** Where codes of it go; undefined for a factor that answers without one. */
export function addressOf (factor: Factor): string | undefined {
  if (factor.kind === 'email_code') return factor.address
  return factor.kind === 'sms' ? factor.number : undefined
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
