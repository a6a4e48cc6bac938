/** What blocks took for their transactions' place, out of `eth_feeHistory` (Ethereum execution APIs): one tip for each speed. All in wei per gas. */
import type { TransactionSpeed } from '@countersign/contracts'
import { badAnswer } from './chain-fault.ts'
import { quantity } from './quantity.ts'

export type Tips = Readonly<Record<TransactionSpeed, bigint>>

const method = 'eth_feeHistory'
/** Some blocks are odd ones; two minutes of a slow chain are not long ago. */
export const historyBlocks = 10
/** Of a block's gas, ordered by tip: so much of it paid less. */
export const percentiles: readonly number[] = [20, 50, 80]
/** A block with so much room shows what somebody chose to give, and not what a place costs; our own replacements would drive fees up for ever. */
const leastFull = 0.05
/** The same for a chain that only we fill: its history knows no other price than ours. */
const timesAdvice = 10n
/** Nor is this too much, on a chain whose nodes advise next to nothing. */
const harmless = 1_000_000_000n

/** In hundredths of the node's advice, where its history says nothing. */
const partOfAdvice: Tips = Object.freeze({ slow: 90n, average: 100n, fast: 150n })

export const advisedTips = (advice: bigint): Tips =>
  ({ slow: advice * partOfAdvice.slow / 100n, average: advice * partOfAdvice.average / 100n, fast: advice * partOfAdvice.fast / 100n })

interface History { readonly gasUsedRatio: readonly unknown[], readonly reward: readonly (readonly unknown[])[] }

/**
 * @param answer of the node: a history of blocks, each with the tips at `percentiles`.
 * @param advice of the same node; no answer is more than ten times as much, or 1 gwei.
 * @returns for each speed the median over the blocks; the advice where all of them were nearly empty.
 * @throws ChainFault when it is no history
 */
export function tipsFrom (answer: unknown, advice: bigint): Tips {
  const { gasUsedRatio, reward } = historyIn(answer)
  const told = reward.filter((_tips, index) => Number(gasUsedRatio[index]) >= leastFull).map((tips) => percentiles.map((_percentile, index) => quantity(method, tips[index])))
  if (told.length === 0) return advisedTips(advice)
  const most = advice * timesAdvice > harmless ? advice * timesAdvice : harmless
  const [slow = 0n, average = 0n, fast = 0n] = percentiles.map((_percentile, index) => bounded(median(told.map((tips) => tips[index] ?? 0n)), most))
  return { slow, average, fast }
}

function historyIn (answer: unknown): History {
  const { gasUsedRatio, reward } = (answer ?? {}) as Partial<History>
  if (!Array.isArray(gasUsedRatio) || !Array.isArray(reward) || !reward.every(Array.isArray)) throw badAnswer(method, 'a history with tips was expected')
  return { gasUsedRatio, reward: reward as History['reward'] }
}

const bounded = (tip: bigint, most: bigint): bigint => tip < most ? tip : most

function median (values: readonly bigint[]): bigint {
  const ordered = [...values].sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
  return ordered[Math.floor((ordered.length - 1) / 2)] ?? 0n
}
