import { addressFault, networkFault, type Family } from './families.ts'
import { cosmosChain, networkOf, type NetworkOptions } from './networks.ts'

export interface CosmosFamilyDeps {
  readonly networks: NetworkOptions
  /** bech32 prefixes that may sign in, and which of them hash keys as Ethereum does. */
  readonly prefixes: readonly string[]
  readonly ethPrefixes: readonly string[]
  /** In lower case, of one of the prefixes; undefined for anything else. */
  readonly canonical: (address: string, prefixes: readonly string[]) => string | undefined
  /** The same account under another prefix. */
  readonly withPrefix: (address: string, prefix: string) => string | undefined
  readonly verify: (proof: CosmosProofGiven) => Promise<{ valid: boolean, reason?: string }>
}

export interface CosmosProofGiven {
  readonly message: string
  readonly signature: string
  readonly publicKey: string
  readonly address: string
  readonly prefixes: readonly string[]
  readonly mode: 'secp256k1' | 'ethsecp256k1'
}

/** One key has an address under every prefix: all of them are one account, filed under cosmos1… (or inj1… where keys are hashed as Ethereum does). */
export const createCosmosFamily = ({ networks, prefixes, ethPrefixes, canonical, withPrefix, verify }: CosmosFamilyDeps): Family => {
  const all = [...prefixes, ...ethPrefixes]
  const prefixOf = (address: string): string => address.slice(0, address.lastIndexOf('1'))
  const isHashedAsEthereum = (address: string): boolean => ethPrefixes.includes(prefixOf(address))
  const idOf = (address: string): string => {
    const home = isHashedAsEthereum(address) ? 'inj' : 'cosmos'
    return `cosmos:${cosmosChain(home)}:${withPrefix(address, home) ?? address}`
  }

  return {
    read ({ address: given, network: wanted }) {
      const address = canonical(given, all)
      if (address === undefined) return addressFault('is not a bech32 account address of a configured prefix')
      const network = networkOf(wanted, networks)
      if (network === undefined) return networkFault
      return { address, network, chainReference: cosmosChain(prefixOf(address)), chainName: 'Cosmos' }
    },

    loginsOf: ({ address }) => [idOf(address)],

    async prove ({ address }, { message, signature, publicKey = '' }) {
      const { valid, reason } = await verify({ message, signature, publicKey, address, prefixes: all, mode: isHashedAsEthereum(address) ? 'ethsecp256k1' : 'secp256k1' })
      if (!valid) return { outcome: 'refused', reason: reason ?? 'invalid' }
      return { outcome: 'proved', identity: { id: idOf(address), kind: 'cosmos', address } }
    }
  }
}
