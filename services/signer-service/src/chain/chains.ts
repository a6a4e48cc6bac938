/** The chains of this deployment. A round of work takes one node and stays with it, so that its reads follow its writes. */
import { assertChain, type Block, type ChainNode } from './chain-node.ts'
import { ChainFault } from './chain-fault.ts'

export interface ChainSettings {
  readonly chainId: number
  readonly confirmations: number
  readonly blockTimeMs: number
  readonly symbol: string
  readonly maxFeeTotal: string
  /** False: transactions are of the old type, with one gas price. */
  readonly eip1559: boolean
  /** EIP-55; undefined where there is none, so that there are no batches. */
  readonly multicall3: string | undefined
  /** Those whose symbol and decimals the operator vouches for. */
  readonly tokens: readonly { readonly address: string, readonly symbol: string, readonly decimals: number }[]
  readonly explorerUrl: string | undefined
}

export interface Chain extends ChainSettings {
  /**
   * The first node, in the order of the configuration, that answers, serves this chain and is not far behind the highest head that any
   * node of it has shown; where all are, the one that is furthest.
   * @param avoid comes last: what it shows contradicts what was final.
   * @throws ChainFault of the first one when none answers.
   */
  look (avoid?: ChainNode): Promise<Look>
  /** The same, for whoever needs no head. */
  node (): Promise<ChainNode>
}

/** A node and the newest block that it has. */
export interface Look { readonly node: ChainNode, readonly head: Block }

export interface Chains {
  ids (): number[]
  find (chainId: number): Chain | undefined
}

/** Nodes that follow their chain differ by a block or two. */
const blocksBehind = 3

export function createChain (settings: ChainSettings, nodes: readonly ChainNode[]): Chain {
  let highest = 0
  const look = async (avoid?: ChainNode): Promise<Look> => {
    let first: unknown
    let furthest: Look | undefined
    for (const node of avoid === undefined ? nodes : [...nodes.filter((other) => other !== avoid), avoid]) {
      try {
        // Asked each time: a URL may lead to another chain tomorrow, and the question, which goes with the other, costs less than a wrong answer.
        const [, head] = await Promise.all([assertChain(node), node.head()])
        highest = Math.max(highest, head.number)
        if (nodes.length === 1 || head.number >= highest - blocksBehind) return { node, head }
        if (furthest === undefined || head.number > furthest.head.number) furthest = { node, head }
      } catch (error) {
        first ??= error
      }
    }
    if (furthest !== undefined) return furthest
    throw first ?? new Error('a chain needs a node')
  }
  return { ...settings, look, node: async () => (await look()).node }
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
