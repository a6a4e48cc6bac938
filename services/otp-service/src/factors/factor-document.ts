/** A factor as MongoDB keeps it: fields of its kind beside those of every kind. */
import type { FactorWallet } from '../wallets/factor-wallet.ts'
import type { EmailFactor, Factor, PasskeyFactor, RecoveryCodesFactor, SmsFactor, TotpFactor, WalletFactor } from './factor.ts'

interface AnyDocument {
  readonly _id: string
  readonly user_id: string
  readonly proved_at: Date
  readonly factor_root: string
  /** Of a kind that one user may have several of: what tells them apart. */
  readonly slot?: string
}

interface EmailDocument extends AnyDocument {
  readonly kind: 'email_code'
  readonly address: string
  readonly address_normalised: string
}

interface SmsDocument extends AnyDocument {
  readonly kind: 'sms'
  readonly number: string
  readonly name: string | null
}

interface TotpDocument extends AnyDocument {
  readonly kind: 'totp'
  readonly name: string
  readonly sealed_secret: string
  readonly last_step: number
  /** Wrong codes of the last 24 hours, and attempts not yet compared. */
  readonly failures: readonly { readonly at: Date, readonly ref: string }[]
  /** What the last update decided, for whoever sent it. */
  readonly wait_ms?: number
}

interface RecoveryCodesDocument extends AnyDocument {
  readonly kind: 'recovery_codes'
  readonly name: string
  readonly salt: string
  readonly hashes: readonly string[]
}

interface PasskeyDocument extends AnyDocument {
  readonly kind: 'passkey'
  readonly name: string
  /** The credential id. */
  readonly slot: string
  readonly public_key: string
  readonly user_handle: string
  readonly counter: number
  readonly transports: PasskeyFactor['transports']
  readonly backup_eligible: boolean
  readonly backed_up: boolean
  readonly last_used_at: Date | null
  /** Every use is a write, so that one that is removed meanwhile is not used. */
  readonly uses: number
}

interface WalletDocument extends AnyDocument {
  readonly kind: 'wallet'
  readonly name: string | null
  /** The account. */
  readonly slot: string
  readonly wallet: FactorWallet
}

export type FactorDocument = EmailDocument | SmsDocument | TotpDocument | RecoveryCodesDocument | PasskeyDocument | WalletDocument

export function toFactor (found: EmailDocument): EmailFactor
export function toFactor (found: PasskeyDocument): PasskeyFactor
export function toFactor (found: FactorDocument): Factor
export function toFactor (found: FactorDocument): Factor {
  const any = { id: found._id, userId: found.user_id, provedAt: found.proved_at, factorRoot: found.factor_root }
  switch (found.kind) {
    case 'email_code': return { ...any, kind: found.kind, address: found.address, addressNormalised: found.address_normalised }
    case 'sms': return { ...any, kind: found.kind, number: found.number, name: found.name } satisfies SmsFactor
    case 'totp': return { ...any, kind: found.kind, name: found.name, sealedSecret: found.sealed_secret, lastStep: found.last_step } satisfies TotpFactor
    case 'recovery_codes': return { ...any, kind: found.kind, name: found.name, salt: found.salt, hashes: found.hashes } satisfies RecoveryCodesFactor
    case 'passkey': return {
      ...any, kind: found.kind, name: found.name, credentialId: found.slot, publicKey: found.public_key, userHandle: found.user_handle, counter: found.counter, transports: found.transports,
      backupEligible: found.backup_eligible, backedUp: found.backed_up, lastUsedAt: found.last_used_at
    } satisfies PasskeyFactor
    case 'wallet': return { ...any, kind: found.kind, name: found.name, account: found.slot, wallet: found.wallet } satisfies WalletFactor
  }
}

export function toDocument (factor: Factor): FactorDocument {
  const any = { _id: factor.id, user_id: factor.userId, proved_at: factor.provedAt, factor_root: factor.factorRoot }
  switch (factor.kind) {
    case 'email_code': return { ...any, kind: factor.kind, address: factor.address, address_normalised: factor.addressNormalised }
    case 'sms': return { ...any, kind: factor.kind, number: factor.number, name: factor.name }
    case 'totp': return { ...any, kind: factor.kind, name: factor.name, sealed_secret: factor.sealedSecret, last_step: factor.lastStep, failures: [] }
    case 'recovery_codes': return { ...any, kind: factor.kind, name: factor.name, salt: factor.salt, hashes: factor.hashes }
    case 'passkey': return {
      ...any, kind: factor.kind, name: factor.name, slot: factor.credentialId, public_key: factor.publicKey, user_handle: factor.userHandle, counter: factor.counter, transports: factor.transports,
      backup_eligible: factor.backupEligible, backed_up: factor.backedUp, last_used_at: factor.lastUsedAt, uses: 0
    }
    case 'wallet': return { ...any, kind: factor.kind, name: factor.name, slot: factor.account, wallet: factor.wallet }
  }
}
