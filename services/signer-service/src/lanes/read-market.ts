/** What a place in a block costs now, as the round's own node sees it. */
import type { Block, ChainNode } from '../chain/chain-node.ts'
import type { ChainSettings } from '../chain/chains.ts'
import type { Market } from './fees.ts'

/** @throws ChainFault */
export async function readMarket (node: Pick<ChainNode, 'tips' | 'gasPrice'>, { eip1559 }: Pick<ChainSettings, 'eip1559'>, head: Block): Promise<Market> {
  if (!eip1559) return { baseFee: 0n, tip: await node.gasPrice() }
  const tips = await node.tips(head)
  return { baseFee: head.baseFee, tip: tips.average, tips }
}
