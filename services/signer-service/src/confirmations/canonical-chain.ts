/** Which block stands at a height, by walking from the head along parent hashes: a node's word on each block is checked by the next one. */
import type { Block, ChainNode, Hex } from '../chain/chain-node.ts'

export interface CanonicalChain {
  /**
   * @param head from the same node.
   * @param lowest height that will be asked for.
   * @returns hash by height, from `lowest` to the head; heights that could not be linked are missing.
   */
  walk (node: Pick<ChainNode, 'block'>, head: Block, lowest: number): Promise<ReadonlyMap<number, Hex>>
}

/** A block never changes its parent, so what was learnt under a hash stays true on every fork. */
const kept = 2_048
/** Further back, as after a long stop, the node's word by height is taken: reorgs do not reach there. */
export const longestWalk = 512

export function createCanonicalChain (): CanonicalChain {
  const known = new Map<Hex, Block>()
  const remember = (block: Block): void => {
    known.set(block.hash, block)
    if (known.size <= kept) return
    const [oldest] = known.keys()
    if (oldest !== undefined) known.delete(oldest)
  }

  return {
    async walk (node, head, lowest) {
      const heights = new Map<number, Hex>()
      remember(head)
      let block: Block | null = head
      while (block !== null && block.number >= lowest && head.number - block.number < longestWalk) {
        heights.set(block.number, block.hash)
        if (block.number === 0) break
        const parent: Block | null = known.get(block.parentHash) ?? await node.block(block.parentHash)
        if (parent !== null) remember(parent)
        block = parent
      }
      return heights
    }
  }
}
