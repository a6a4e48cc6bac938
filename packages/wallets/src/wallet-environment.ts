/** Which wallets a service takes, and whom it asks about contract wallets: the variables are the same wherever wallets are asked. */
import { isGuardedUrl, jsonVariable, listVariable, variable, type Values } from '@countersign/runtime'
import { Type } from 'typebox'
import type { NetworkOptions } from './families/networks.ts'

/** By EIP-155 chain id. */
const RpcUrls = Type.Record(Type.String({ pattern: '^[1-9][0-9]{0,15}$' }), Type.String({ pattern: '^https?://\\S+$' }), { additionalProperties: false })
const RpcKey = Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{8,128}$' }))
const Network = Type.String({ pattern: '^(mainnet|testnet|devnet)$' })
const Prefix = Type.String({ pattern: '^[a-z]{1,20}$' })
const placeholders = { '${ALCHEMY_API_KEY}': 'ALCHEMY_API_KEY', '${INFURA_PROJECT_ID}': 'INFURA_PROJECT_ID' } as const

export const walletVariables = {
  EVM_CHAIN_IDS: listVariable(Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), { default: [1], minItems: 1 }), { description: 'EIP-155 chain ids whose wallets are taken; the first is the default' }),
  EVM_RPC_URLS: jsonVariable(Type.Optional(RpcUrls), {
    description: 'Nodes by EIP-155 chain id, as JSON, asked about contract wallets (ERC-1271, ERC-6492); on other chains only keys prove anything',
    strict: (urls) => Object.values(urls ?? {}).every((url) => isGuardedUrl(url)) ? undefined : 'must be https, or a private network\'s,',
    secret: 'issued', example: '{"1":"https://…/${ALCHEMY_API_KEY}"}'
  }),
  ALCHEMY_API_KEY: variable(RpcKey, { description: 'Fills ${ALCHEMY_API_KEY} in RPC URLs', secret: 'issued' }),
  INFURA_PROJECT_ID: variable(RpcKey, { description: 'Fills ${INFURA_PROJECT_ID} in RPC URLs', secret: 'issued' }),
  SUPPORTED_NETWORKS: listVariable(Type.Array(Network, { default: ['mainnet'], minItems: 1 }), { description: 'Networks whose Solana, Cosmos, Stacks and Bitcoin wallets are taken: mainnet, testnet, devnet' }),
  DEFAULT_NETWORK: variable(Type.String({ default: 'mainnet', pattern: '^(mainnet|testnet|devnet)$' }), { description: 'Network of a wallet whose caller names none' }),
  COSMOS_PREFIXES: listVariable(Type.Array(Prefix, { default: ['cosmos', 'secret', 'osmo', 'juno', 'stars', 'akash', 'celestia'] }), { description: 'bech32 prefixes of Cosmos chains whose keys are secp256k1 with SHA-256 and RIPEMD-160' }),
  COSMOS_ETH_PREFIXES: listVariable(Type.Array(Prefix, { default: ['inj'] }), { description: 'bech32 prefixes of Cosmos chains that hash keys as Ethereum does (ethsecp256k1)' })
}

type WalletValues = Values<typeof walletVariables>
type RpcValues = Pick<WalletValues, 'EVM_RPC_URLS' | 'ALCHEMY_API_KEY' | 'INFURA_PROJECT_ID'>

export const walletRules = [
  (values: RpcValues) => {
    const used = Object.values(values.EVM_RPC_URLS ?? {}).join(' ')
    const missing = Object.entries(placeholders).find(([text, name]) => used.includes(text) && values[name] === undefined)
    return missing === undefined ? undefined : { name: missing[1], fault: 'is used by EVM_RPC_URLS and not set' }
  },
  (values: RpcValues) => {
    const wrong = [...rpcUrlsOf(values)].find(([, url]) => !URL.canParse(url))
    return wrong === undefined ? undefined : { name: 'EVM_RPC_URLS' as const, fault: `has no URL for chain ${wrong[0]}` }
  },
  ({ SUPPORTED_NETWORKS: known, DEFAULT_NETWORK: usual }: Pick<WalletValues, 'SUPPORTED_NETWORKS' | 'DEFAULT_NETWORK'>) =>
    known.includes(usual) ? undefined : { name: 'DEFAULT_NETWORK' as const, fault: 'must be one of SUPPORTED_NETWORKS' }
]

export interface WalletConfig {
  /** EIP-155; the first is the default. */
  readonly chainIds: readonly number[]
  /** By EIP-155 chain id. Secrets: they hold keys of providers. */
  readonly evmRpcUrls: ReadonlyMap<number, string>
  readonly networks: NetworkOptions
  readonly cosmosPrefixes: readonly string[]
  readonly cosmosEthPrefixes: readonly string[]
}

export const walletConfigFrom = (values: WalletValues): WalletConfig => ({
  chainIds: values.EVM_CHAIN_IDS,
  evmRpcUrls: rpcUrlsOf(values),
  networks: { supported: values.SUPPORTED_NETWORKS, initial: values.DEFAULT_NETWORK },
  cosmosPrefixes: values.COSMOS_PREFIXES,
  cosmosEthPrefixes: values.COSMOS_ETH_PREFIXES
})

function rpcUrlsOf (values: RpcValues): ReadonlyMap<number, string> {
  const filled = (url: string): string => Object.entries(placeholders).reduce((text, [placeholder, name]) => text.replaceAll(placeholder, values[name] ?? ''), url)
  return new Map(Object.entries(values.EVM_RPC_URLS ?? {}).map(([chainId, url]) => [Number(chainId), filled(url)]))
}
