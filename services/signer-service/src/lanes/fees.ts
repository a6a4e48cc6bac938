/**
 * EIP-1559 fees; without it the base fee is zero, and the tip is the gas price and the highest fee as well. All in wei per gas;
 * `maxFeeTotal` is what the confirmed intent allows for the whole transaction.
 */
import type { TransactionSpeed } from '@countersign/contracts'
import { advisedTips, type Tips } from '../chain/fee-history.ts'

export interface Fees { readonly maxFeePerGas: bigint, readonly maxPriorityFeePerGas: bigint }

/** Of an attempt as it is kept, in decimal text. */
export const feesOf = ({ maxFeePerGas, maxPriorityFeePerGas }: Readonly<Record<keyof Fees, string>>): Fees =>
  ({ maxFeePerGas: BigInt(maxFeePerGas), maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas) })

export interface Market {
  readonly baseFee: bigint
  /** Of average speed. */
  readonly tip: bigint
  /** Of each speed, where the chain's history tells. */
  readonly tips?: Tips
}

export const atSpeed = ({ baseFee, tip, tips = advisedTips(tip) }: Market, speed: TransactionSpeed = 'average'): Market => ({ baseFee, tip: tips[speed] })

const min = (a: bigint, b: bigint): bigint => a < b ? a : b
const max = (a: bigint, b: bigint): bigint => a > b ? a : b

/** What one would offer freely: room for the base fee to double. */
export const wantedFees = ({ baseFee, tip }: Market): Fees => ({ maxFeePerGas: 2n * baseFee + tip, maxPriorityFeePerGas: tip })

/**
 * @returns the wanted fees, or the cap where that still outlives one block's highest rise of the base fee (EIP-1559: an eighth);
 * undefined when the market is above the cap: the transaction waits.
 */
export function cappedFees (market: Market, gas: bigint, maxFeeTotal: bigint): Fees | undefined {
  const wanted = wantedFees(market)
  const cap = maxFeeTotal / gas
  if (wanted.maxFeePerGas <= cap) return wanted
  const least = market.baseFee + market.baseFee / 8n + market.tip
  return cap >= least ? { maxFeePerGas: cap, maxPriorityFeePerGas: market.tip } : undefined
}

/** Nodes want both fees 10 % higher before they let a payload take another's place; one wei more beats their rounding. */
export const raised = (fee: bigint): bigint => (fee * 110n + 99n) / 100n + 1n

/**
 * @returns fees that displace the old ones, never above the cap; undefined when the cap does not allow that.
 */
export function replacementFees (old: Fees, market: Market, gas: bigint, maxFeeTotal: bigint): Fees | undefined {
  const cap = maxFeeTotal / gas
  const least = { maxFeePerGas: raised(old.maxFeePerGas), maxPriorityFeePerGas: raised(old.maxPriorityFeePerGas) }
  if (least.maxFeePerGas > cap) return undefined
  const wanted = wantedFees(market)
  const maxFeePerGas = min(cap, max(least.maxFeePerGas, wanted.maxFeePerGas))
  return { maxFeePerGas, maxPriorityFeePerGas: min(maxFeePerGas, max(least.maxPriorityFeePerGas, wanted.maxPriorityFeePerGas)) }
}

/** Of a no-op, a transfer of nothing to the wallet itself. */
export const noopGas = 21_000n

interface Limited { readonly maxFeeTotal: string }

/** Wei that a no-op may cost: as any transaction of this chain, or as the one whose nonce it takes. */
export const noopLimit = (chain: Limited, row?: Limited): bigint => max(BigInt(chain.maxFeeTotal), BigInt(row?.maxFeeTotal ?? 0))

/**
 * Wei that a transaction may offer for its gas: what was confirmed, and never so much per gas that no no-op could outbid it within its
 * own limit. Whatever a transaction's gas and limit are, its nonce can be taken from it.
 */
export function payloadLimit (row: Limited, gas: bigint, chain: Limited): bigint {
  const outbidAt = noopLimit(chain, row) / noopGas
  // The highest fee that, raised as `raised` does, is no higher than that.
  return min(BigInt(row.maxFeeTotal), gas * max(0n, (100n * outbidAt - 100n) / 110n))
}

/** A transfer to an account costs exactly this; a contract that receives may need a little more than it was estimated at. */
const plainTransferGas = 21_000n
export const gasLimitFor = (estimate: bigint): bigint => estimate <= plainTransferGas ? plainTransferGas : estimate * 120n / 100n
