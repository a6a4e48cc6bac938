/** What a wallet holds on its chains, asked of the nodes for a bounded time and kept for some seconds. */
import { ChainFault } from '../chain/chain-fault.ts'
import type { Chain, Chains } from '../chain/chains.ts'
import { tokenBalance } from '../chain/token-reads.ts'
import type { Wallet } from './wallet.ts'

export interface AssetHolding {
  /** EIP-55 of the token's contract; null: the chain's own coin. */
  readonly token: string | null
  readonly symbol: string
  readonly decimals: number
  /** Smallest unit; null when the node did not say. */
  readonly balance: bigint | null
}

export interface ChainHolding {
  readonly chainId: number
  /** Block that the balances are of; null when none could be read. */
  readonly block: number | null
  readonly assets: readonly AssetHolding[]
  /** Why something is missing: a word of ChainFault, `timeout`, or `not_configured`. */
  readonly reason: string | null
}

export type ReadHoldings = (wallet: Pick<Wallet, 'address' | 'chainIds'>) => Promise<ChainHolding[]>

export interface HoldingsDeps {
  readonly chains: Pick<Chains, 'find'>
  /** Longest wait for one chain, all of its nodes together. */
  readonly timeoutMs: number
  readonly cacheMs: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

const coinDecimals = 18
const kept = 4_096

/** Never throws for what a node does: what is not known is null, with a reason. */
export function createReadHoldings ({ chains, timeoutMs, cacheMs, now }: HoldingsDeps): ReadHoldings {
  const cache = new Map<string, { readonly at: number, readonly holding: Promise<ChainHolding> }>()

  const read = (chainId: number, address: string): Promise<ChainHolding> => {
    const name = `${chainId}:${address}`
    const known = cache.get(name)
    if (known !== undefined && now() - known.at < cacheMs) return known.holding
    const chain = chains.find(chainId)
    const holding = chain === undefined ? Promise.resolve(unknownHolding(chainId, [], 'not_configured')) : within(timeoutMs, chain, readChain(chain, address))
    cache.delete(name)
    if (cache.size >= kept) cache.clear()
    cache.set(name, { at: now(), holding })
    return holding
  }
  return async ({ address, chainIds }) => await Promise.all(chainIds.map(async (chainId) => await read(chainId, address)))
}

const unknownHolding = (chainId: number, assets: readonly Omit<AssetHolding, 'balance'>[], reason: string): ChainHolding =>
  ({ chainId, block: null, assets: assets.map((asset) => ({ ...asset, balance: null })), reason })

const assetsOf = ({ symbol, tokens = [] }: Chain): Omit<AssetHolding, 'balance'>[] =>
  [{ token: null, symbol, decimals: coinDecimals }, ...tokens.map(({ address, ...token }) => ({ token: address, symbol: token.symbol, decimals: token.decimals }))]

async function readChain (chain: Chain, address: string): Promise<ChainHolding> {
  const assets = assetsOf(chain)
  try {
    const node = await chain.node()
    const { number: block } = await node.head()
    return { chainId: chain.chainId, block, assets: await Promise.all(assets.map(async ({ token, ...asset }) => ({ token, ...asset, balance: await (token === null ? node.balanceAt(address, block) : tokenBalance(node, token, address, block)) }))), reason: null }
  } catch (error) {
    if (!(error instanceof ChainFault)) throw error
    return unknownHolding(chain.chainId, assets, error.code)
  }
}

async function within (ms: number, chain: Chain, reading: Promise<ChainHolding>): Promise<ChainHolding> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ChainHolding>((resolve) => { timer = setTimeout(() => { resolve(unknownHolding(chain.chainId, assetsOf(chain), 'timeout')) }, ms) })
  try {
    return await Promise.race([reading, late])
  } finally {
    clearTimeout(timer)
  }
}
