/** One signed payload at one nonce. Stored with its bytes before it leaves, and never forgotten. */
export interface Attempt {
  /** keccak-256 of the bytes: the transaction hash. */
  readonly hash: string
  /** Null for a no-op that fills a gap. */
  readonly txId: string | null
  readonly chainId: number
  readonly walletId: string
  readonly nonce: number
  /** 1 for the first payload at this nonce. */
  readonly sequence: number
  /** `noop`: a transfer of nothing to the wallet itself, which takes the nonce and moves no money. */
  readonly kind: 'first' | 'replacement' | 'noop'
  /** Of a no-op that takes the nonce of a transfer: no node took its payload, the market outgrew its fees, or somebody cancelled it. */
  readonly because?: 'refused' | 'fees' | 'cancel'
  readonly state: 'stored' | 'sent' | 'mined' | 'replaced' | 'dead'
  /** As they are sent, 0x hex. */
  readonly bytes: string
  readonly gas: string
  readonly maxFeePerGas: string
  readonly maxPriorityFeePerGas: string
  readonly createdAt: Date
  readonly lastSentAt: Date | null
}

/** Wei that this attempt may cost at most. */
export const highestFee = ({ gas, maxFeePerGas }: Pick<Attempt, 'gas' | 'maxFeePerGas'>): bigint => BigInt(gas) * BigInt(maxFeePerGas)
