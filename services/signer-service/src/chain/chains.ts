/** The chains of this deployment. A round of work takes one node and stays with it, so that its reads follow its writes. */
import { assertChain, type ChainNode } from './chain-node.ts'
import { ChainFault } from './chain-fault.ts'
import { createNodePool, type NodeNews, type NodePool, type PooledNode } from './node-pool.ts'

export interface ChainSettings {
  readonly chainId: number
  readonly confirmations: number
  readonly blockTimeMs: number
  readonly symbol: string
  readonly maxFeeTotal: string
  /** Wei below which a wallet's lane pauses, where nothing was said of the wallet itself; none when absent. */
  readonly minBalance?: string | undefined
  /** False: transactions are of the old type, with one gas price. */
  readonly eip1559: boolean
  /** EIP-55; undefined where there is none, so that there are no batches. */
  readonly multicall3: string | undefined
  /** Those whose symbol and decimals the operator vouches for. */
  readonly tokens: readonly { readonly address: string, readonly symbol: string, readonly decimals: number }[]
  readonly explorerUrl: string | undefined
}

export interface Chain extends ChainSettings, NodePool {
  /** Any node that can be asked, for whoever needs no head. @throws ChainFault */
  node (): Promise<ChainNode>
}

export interface Chains {
  ids (): number[]
  find (chainId: number): Chain | undefined
}

export function createChain (settings: ChainSettings, nodes: readonly PooledNode[], report: (news: NodeNews) => void = () => {}): Chain {
  const pool = createNodePool(nodes, { ...settings, report, now: () => performance.now() })
  return { ...settings, ...pool, node: async () => (await pool.look()).node }
}

export const createChains = (chains: readonly Chain[]): Chains => {
  const byId = new Map(chains.map((chain) => [chain.chainId, chain]))
  return { ids: () => [...byId.keys()], find: (chainId) => byId.get(chainId) }
}

/**
 * For the start: a node that is down may come back, one of another chain never belongs here.
 * @returns what to warn of. @throws ChainFault wrong_chain
 */
export async function checkNodes (nodes: readonly ChainNode[]): Promise<ChainFault[]> {
  const faults: ChainFault[] = []
  await Promise.all(nodes.map(async (node) => {
    try {
      await assertChain(node)
    } catch (error) {
      if (!(error instanceof ChainFault) || error.code === 'wrong_chain') throw error
      faults.push(error)
    }
  }))
  return faults
}
