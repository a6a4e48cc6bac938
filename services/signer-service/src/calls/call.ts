/** What a transaction does on its chain, as the policy and the person who confirms it see it: read from the very bytes that are signed. */
import type { Hex } from '../chain/quantity.ts'

/** One message to one account: the whole of a transaction, or one part of a batch. */
export interface Call {
  /** EIP-55. A contract where there is data. */
  readonly to: string
  /** Wei. */
  readonly value: bigint
  /** `0x` for a plain transfer. */
  readonly data: Hex
}

/** What a call does to tokens of the wallet, where its data is one of the known forms of ERC-20. */
export interface TokenMovement {
  /** `allow` lets the other party take up to the amount later: it counts as spent when it is allowed. */
  readonly kind: 'transfer' | 'allow'
  /** EIP-55, of the token's contract. */
  readonly token: string
  /** EIP-55, of who receives or may take. */
  readonly destination: string
  /** Smallest unit of the token. */
  readonly amount: bigint
}

export interface ParsedCall extends Call {
  /** First four bytes of the data; null for a plain transfer. */
  readonly selector: Hex | null
  readonly movement: TokenMovement | null
}
