/** Names of networks as the earlier systems wrote them, and the CAIP-2 references behind them. */
import type { WalletFamily } from '@countersign/contracts'

/** Sources: the CAIP-2 profiles of solana (first 32 characters of the genesis hash), stacks (chain ids of SIP-005) and bip122 (first 32 of block 0). */
const references: Readonly<Record<'solana' | 'stacks' | 'bitcoin', Readonly<Record<string, string>>>> = {
  solana: {
    mainnet: '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp',
    testnet: '4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z',
    devnet: 'EtWTRABZaYq6iMfeYKouRu166VU2xqa1'
  },
  stacks: { mainnet: '1', testnet: '2147483648', devnet: '2147483648' },
  bitcoin: {
    mainnet: '000000000019d6689c085ae165831e93',
    testnet: '000000000933ea01ad0ee984209779ba',
    devnet: '0f9188f13cb7b2c71f2a335e3a4fc328'
  }
}

/** Chains of well-known bech32 prefixes; another configured prefix stands for itself. */
const cosmosChains: Readonly<Record<string, string>> = {
  cosmos: 'cosmoshub-4', secret: 'secret-4', osmo: 'osmosis-1', juno: 'juno-1', inj: 'injective-1', stars: 'stargaze-1', akash: 'akashnet-2', celestia: 'celestia'
}

export interface NetworkOptions {
  /** SUPPORTED_NETWORKS */
  readonly supported: readonly string[]
  /** DEFAULT_NETWORK */
  readonly initial: string
}

export const chainReference = (family: Exclude<WalletFamily, 'evm' | 'cosmos'>, network: string): string | undefined => references[family][network]
export const cosmosChain = (prefix: string): string => cosmosChains[prefix] ?? prefix

/** @returns the name when it is configured, the default one for none, undefined for any other */
export const networkOf = (given: string | undefined, { supported, initial }: NetworkOptions): string | undefined => {
  const name = given ?? initial
  return supported.includes(name) ? name : undefined
}
