/** What one round of a lane works with: the chain as one node showed it, and the fence around every write. */
import type { Logger } from '@countersign/runtime'
import type { AgedAttempt } from '../attempts/attempt-repository.ts'
import type { Block, ChainNode } from '../chain/chain-node.ts'
import type { ChainSettings } from '../chain/chains.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import type { Transact } from '../unit.ts'
import type { Wallet } from '../wallets/wallet.ts'
import type { Market } from './fees.ts'
import type { Lane } from './lane.ts'

export interface LaneRound {
  readonly key: LaneKey
  readonly wallet: Wallet
  readonly chain: ChainSettings
  /** Pinned: reads of one round come from the node that took its writes. */
  readonly node: ChainNode
  /** A transaction that aborts when the lane's lease is lost. */
  readonly fenced: Transact
  readonly log: Logger
  readonly head: Block
  /** The chain's next nonce and the balance in wei, both as of the head. */
  readonly latest: number
  readonly balance: bigint
  readonly market: Market
  readonly lane: Lane
  /** Ids of transactions that are not what was confirmed, as this round finds them. */
  readonly altered: Set<string>
}

/** What holds nonces and is in no block, as the database has it now. */
export interface OpenWork {
  readonly rows: readonly MovingTransaction[]
  /** Live ones by nonce, in the order in which they were made; never dead ones, which must not leave again. */
  readonly attempts: ReadonlyMap<number, readonly AgedAttempt[]>
  /** The highest sequence at a nonce, dead ones included. */
  readonly sequences: ReadonlyMap<number, number>
}
