/** One lane per (chain, wallet): all that is sent from a wallet goes through it, one holder at a time. */
import type { LaneKey } from '../transactions/transaction-repository.ts'

/**
 * `funds`: the wallet cannot pay for what is next. `chain_behind`: the chain's next nonce is below a transfer that was final.
 * `low_balance`: the wallet holds less than it should keep on this chain.
 * `altered`: a transaction that holds a nonce is not what was confirmed.
 */
export type PauseReason = 'funds' | 'low_balance' | 'chain_behind' | 'altered'

export interface Lane {
  /** High-water mark: no nonce below it is handed out again. */
  readonly nextNonce: number
  readonly paused: PauseReason | null
  /** Wei that the wallet should keep on this chain; undefined: what the chain's configuration says. */
  readonly least: string | undefined
  /** The chain's next nonce when it was last looked at, and for how long it has been that. */
  readonly headNonce: number
  readonly headForMs: number
  /** The database's time. */
  readonly now: Date
}

/** Wei that a wallet should keep on a chain. @param least as the operator said of this wallet. @param chain what its configuration says of all */
export const leastKept = (least: string | undefined, chain: { readonly minBalance?: string | undefined } | undefined): bigint => BigInt(least ?? chain?.minBalance ?? 0)

/** How a wallet that holds less than it should keep is filled. */
export interface Refill {
  /** Id of the wallet that pays. */
  readonly from: string
  /** Wei that it holds afterwards. */
  readonly upTo: string
  /** Id of the principal that asks. */
  readonly as: string
  /** The transaction that filled it last. */
  readonly last?: string
}

/** An operator is told at most so often that a wallet is low. */
export const lowMailMs = 3_600_000

export const laneId = ({ chainId, walletId }: LaneKey): string => `eip155:${chainId}:${walletId}`
