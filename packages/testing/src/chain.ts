import { startChain, type Chain } from '@countersign/local-stack'
import { scratchDirectory, type TestContext } from './test-context.ts'

export interface TestChain extends Omit<Chain, 'stop'> {
  /** Sets a balance, in wei. */
  readonly fund: (address: string, wei: bigint) => Promise<void>
  readonly balanceOf: (address: string) => Promise<bigint>
  /** Mines so many blocks at once. */
  readonly mine: (blocks?: number) => Promise<void>
}

/** anvil for one test file. `blockTime` in seconds; without it every transaction is mined at once. `chainId` is 31337 by default. */
export const startAnvil = async (t: TestContext, options: { blockTime?: number, chainId?: number } = {}): Promise<TestChain> => {
  const directory = await scratchDirectory(t, 'anvil')
  const chain = await startChain({ directory, blockTimeSeconds: options.blockTime, chainId: options.chainId })
  t.teardown(chain.stop)
  return {
    ...chain,
    fund: async (address, wei) => { await chain.request('anvil_setBalance', [address, `0x${wei.toString(16)}`]) },
    balanceOf: async (address) => BigInt(await chain.request<string>('eth_getBalance', [address, 'latest'])),
    mine: async (blocks = 1) => { await chain.request('anvil_mine', [`0x${blocks.toString(16)}`]) }
  }
}
