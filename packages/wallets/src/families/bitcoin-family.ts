import { addressFault, networkFault, type Family, type WalletAccount } from './families.ts'
import { chainReference, networkOf, type NetworkOptions } from './networks.ts'

export interface BitcoinFamilyDeps {
  readonly networks: NetworkOptions
  readonly canonical: (address: string) => { readonly address: string, readonly network: 'mainnet' | 'testnet' | 'regtest' } | undefined
  readonly verify: (proof: { message: string, signature: string, address: string }) => Promise<BitcoinVerdictGiven>
}

export interface BitcoinVerdictGiven {
  readonly result: 'valid' | 'invalid' | 'inconclusive'
  /** The proof is of a transaction that counts only from a height or time on. */
  readonly timeLocked?: true
  readonly reason?: string
}

const nameOf = { mainnet: 'mainnet', testnet: 'testnet', regtest: 'devnet' } as const

/** An address is one account; a key has several, and nothing in a proof of one says which are the others. */
export const createBitcoinFamily = ({ networks, canonical, verify }: BitcoinFamilyDeps): Family => ({
  read ({ address: given, network: wanted }) {
    const known = canonical(given)
    if (known === undefined) return addressFault('is not an address of a single key, or its checksum is wrong')
    const network = networkOf(wanted ?? nameOf[known.network], networks)
    const reference = network && chainReference('bitcoin', network)
    if (network === undefined || reference === undefined) return networkFault
    if (network !== nameOf[known.network]) return addressFault('is of another network')
    return { address: known.address, network, chainReference: reference, chainName: 'Bitcoin' }
  },

  loginsOf: (account) => [idOf(account)],

  async prove (account, { message, signature }) {
    const { address } = account
    const { result, reason, timeLocked } = await verify({ message, signature, address })
    if (result !== 'valid') return { outcome: 'refused', reason: reason ?? result }
    // BIP-322: such a proof says "from then on", and a sign-in is now.
    if (timeLocked === true) return { outcome: 'refused', reason: 'proof has a time lock' }
    return { outcome: 'proved', identity: { id: idOf(account), kind: 'bitcoin', address } }
  }
})

const idOf = ({ address, chainReference: reference }: Pick<WalletAccount, 'address' | 'chainReference'>): string => `bip122:${reference}:${address}`
