import { addressFault, networkFault, type Family } from './families.ts'
import { chainReference, networkOf, type NetworkOptions } from './networks.ts'

export interface SolanaFamilyDeps {
  readonly networks: NetworkOptions
  /** base58 of exactly 32 bytes, or undefined. */
  readonly canonical: (address: string) => string | undefined
  readonly verify: (proof: { message: string, signature: string, address: string }) => Promise<{ valid: boolean, reason?: string }>
}

/** The address is the key, the same on every cluster: one account, filed under the main one. */
export const createSolanaFamily = ({ networks, canonical, verify }: SolanaFamilyDeps): Family => ({
  read ({ address: given, network: wanted }) {
    const address = canonical(given)
    if (address === undefined) return addressFault('is not a base58 public key of 32 bytes')
    const network = networkOf(wanted, networks)
    const reference = network && chainReference('solana', network)
    if (network === undefined || reference === undefined) return networkFault
    return { address, network, chainReference: reference, chainName: 'Solana' }
  },

  loginsOf: ({ address }) => [idOf(address)],

  async prove ({ address }, { message, signature }) {
    const { valid, reason } = await verify({ message, signature, address })
    if (!valid) return { outcome: 'refused', reason: reason ?? 'invalid' }
    return { outcome: 'proved', identity: { id: idOf(address), kind: 'solana', address } }
  }
})

const idOf = (address: string): string => `solana:${chainReference('solana', 'mainnet') ?? ''}:${address}`
