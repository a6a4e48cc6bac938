/** Finds the transaction that took a nonce, so that its absence among ours is a finding and not a silence of the node. */
import type { ChainNode } from './chain-node.ts'

/**
 * @param head number of the newest block that the same node has.
 * @returns the hash and the block; undefined when no block holds such a transaction (the nonce moved by other means, or the node is wrong).
 * @throws ChainFault, for instance where the node no longer has the state of an old block.
 */
export async function findNonceUser (node: Pick<ChainNode, 'nonceAt' | 'transactionsIn'>, address: string, nonce: number, head: number): Promise<{ hash: string, block: number } | undefined> {
  const usedAt = async (block: number): Promise<boolean> => await node.nonceAt(address, block) > nonce
  if (!await usedAt(head)) return undefined

  // Back in growing steps to a block before it was used, then halving between the two.
  let used = head
  let step = 1
  let unused = head - step
  while (unused >= 0 && await usedAt(unused)) {
    used = unused
    step *= 2
    unused = Math.max(used - step, used === 0 ? -1 : 0)
  }
  while (used - unused > 1) {
    const middle = Math.floor((used + unused) / 2)
    if (await usedAt(middle)) used = middle
    else unused = middle
  }
  const taker = (await node.transactionsIn(used)).find((sent) => sent.from === address && sent.nonce === nonce)
  return taker === undefined ? undefined : { hash: taker.hash, block: used }
}
