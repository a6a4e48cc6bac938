/** What a wallet was on a chain when it was last compared, and what was found there that was not ours. */
import type { ChainNode } from '../chain/chain-node.ts'
import type { Wallet } from '../wallets/wallet.ts'

export interface Reconciliation {
  readonly chainId: number
  readonly walletId: string
  /** Compared up to this block, which was final then. */
  readonly height: number
  /** The chain's next nonce after that block. */
  readonly nonce: number
  /** Smallest units by asset: `coin`, or a token's address. */
  readonly balances: Readonly<Record<string, string>>
  /** By token; none where this signer signed no permit of it. */
  readonly permits?: Readonly<Record<string, KeptPermits>>
  readonly at: Date
}

/** What is compared: everything between two blocks. */
export interface Comparison {
  readonly wallet: Pick<Wallet, 'id' | 'address'>
  readonly chainId: number
  readonly node: ChainNode
  readonly tokens: readonly string[]
  readonly before: Reconciliation
  readonly now: Omit<Reconciliation, 'at' | 'permits'>
}

/** What a token knew of permits after that block. */
export interface KeptPermits {
  /** How many permits of the wallet it had taken, whoever signed them. Decimal. */
  readonly nonce: string
  /** By spender: what is left of an allowance that a permit of ours set, smallest unit, and the id of its signature. */
  readonly left: Readonly<Record<string, { readonly amount: string, readonly signature: string }>>
}

/** A token left by somebody else's transaction, as a permit or an authorization of ours let it. */
export interface UsedPermit {
  readonly token: string
  readonly to: string
  readonly amount: bigint
  readonly hash: string
  readonly logIndex: number
  /** Ids of the signatures that account for it, and for what else left so in the same span. */
  readonly signatures: readonly string[]
}

/**
 * - foreign_transaction: a nonce was used by a transaction that is none of ours: somebody else signs with the key.
 * - foreign_token_transfer: a token left by a transaction that is none of ours, and by no permit of ours: somebody uses an allowance.
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
