import { addressFault, networkFault, type Family } from './families.ts'
import { chainReference, networkOf, type NetworkOptions } from './networks.ts'

type StacksNetwork = 'mainnet' | 'testnet'

export interface StacksFamilyDeps {
  readonly networks: NetworkOptions
  /** Upper-case c32check of that network, or undefined. */
  readonly canonical: (address: string, network: StacksNetwork) => string | undefined
  /** The same account on the main network. */
  readonly onMainnet: (address: string) => string | undefined
  readonly verify: (proof: { message: string, signature: string, address: string, network: StacksNetwork, publicKey?: string }) => Promise<{ valid: boolean, reason?: string }>
}

const versionOf = (network: string): StacksNetwork => network === 'mainnet' ? 'mainnet' : 'testnet'

/** One key has an address per network: they are one account, filed under the main one. */
export const createStacksFamily = ({ networks, canonical, onMainnet, verify }: StacksFamilyDeps): Family => {
  const idOf = (address: string): string => `stacks:1:${onMainnet(address) ?? address}`

  return {
    read ({ address: given, network: wanted }) {
      const network = networkOf(wanted ?? networkByPrefix(given), networks)
      const reference = network && chainReference('stacks', network)
      if (network === undefined || reference === undefined) return networkFault
      const address = canonical(given, versionOf(network))
      if (address === undefined) return addressFault('is not a c32check address of this network')
      return { address, network, chainReference: reference, chainName: 'Stacks' }
    },

    loginsOf: ({ address }) => [idOf(address)],

    async prove ({ address, network }, { message, signature, publicKey }) {
      const { valid, reason } = await verify({ message, signature, address, network: versionOf(network), ...publicKey !== undefined && { publicKey } })
      if (!valid) return { outcome: 'refused', reason: reason ?? 'invalid' }
      return { outcome: 'proved', identity: { id: idOf(address), kind: 'stacks', address } }
    }
  }
}

/** The address says which network it is of, when the caller does not. */
const networkByPrefix = (address: string): string | undefined =>
  /^ST/i.test(address) ? 'testnet' : /^SP/i.test(address) ? 'mainnet' : undefined
