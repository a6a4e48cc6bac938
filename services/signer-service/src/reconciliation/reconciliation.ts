/** What a wallet was on a chain when it was last compared, and what was found there that was not ours. */

export interface Reconciliation {
  readonly chainId: number
  readonly walletId: string
  /** Compared up to this block, which was final then. */
  readonly height: number
  /** The chain's next nonce after that block. */
  readonly nonce: number
  /** Smallest units by asset: `coin`, or a token's address. */
  readonly balances: Readonly<Record<string, string>>
  readonly at: Date
}

/**
 * - foreign_transaction: a nonce was used by a transaction that is none of ours: somebody else signs with the key.
 * - foreign_token_transfer: a token left by a transaction that is none of ours: somebody uses an allowance.
 * - transfer_missing: what was mined for us is not there any more. - nonce_went_back: the chain knows fewer of our transactions than before.
 * - balance_short: more is gone than we moved.
 */
export type AlarmKind = 'foreign_transaction' | 'foreign_token_transfer' | 'transfer_missing' | 'nonce_went_back' | 'balance_short'

export interface Finding {
  readonly kind: AlarmKind
  /** Unique within the wallet on its chain: the same thing found again is no second alarm. */
  readonly mark: string
  /** Of the transaction, where one is known. */
  readonly hash: string | null
  /** For people: one line. */
  readonly detail: string
}

export interface Alarm extends Finding {
  readonly id: string
  readonly chainId: number
  readonly walletId: string
  readonly createdAt: Date
  readonly acknowledgedAt: Date | null
}

export const coin = 'coin'
export const reconciliationId = ({ chainId, walletId }: Pick<Reconciliation, 'chainId' | 'walletId'>): string => `eip155:${chainId}:${walletId}`
