import type { canonicalEvmAddress, EvmRpc, TypedData } from '@countersign/wallet-proofs'
import { addressFault, type EvmFamily, type ProofVerdict, type WalletAccount } from './families.ts'

export interface EvmFamilyDeps {
  /** EIP-155 ids; the first is the default. */
  readonly chainIds: readonly number[]
  readonly canonical: typeof canonicalEvmAddress
  readonly verify: (proof: EvmProofGiven) => Promise<{ valid: boolean, method?: string, reason?: string }>
  /** Of a chain that may be asked about contract wallets. */
  readonly rpcOf: (chainId: number) => EvmRpc | undefined
}

export type EvmProofGiven = ({ readonly message: string } | { readonly typedData: TypedData }) & {
  readonly signature: string
  readonly address: string
  readonly chainId: number
  readonly rpc?: EvmRpc
}

/**
 * A key-held account is the same on every chain and is filed under chain 0, which stands for all of them (as in ENSIP-19). A contract
 * wallet may belong to somebody else on another chain, so it carries its own, and never passes for the key of the same address (EIP-7702).
 */
export const createEvmFamily = ({ chainIds, canonical, verify, rpcOf }: EvmFamilyDeps): EvmFamily => {
  const judge = async ({ address, chainReference }: WalletAccount, proof: ({ readonly message: string } | { readonly typedData: TypedData }) & { readonly signature: string }, askChain: boolean): Promise<ProofVerdict> => {
    const rpc = askChain ? rpcOf(Number(chainReference)) : undefined
    const verdict = await verify({ ...proof, address, chainId: Number(chainReference), ...rpc && { rpc } })
    if (!verdict.valid) return verdict.reason === 'unavailable' ? { outcome: 'unavailable' } : { outcome: 'refused', reason: verdict.reason ?? 'invalid' }
    return { outcome: 'proved', identity: { id: idOf(verdict.method === 'eoa' ? '0' : chainReference, address), kind: 'evm', address } }
  }

  return {
    read ({ address: given, network, chainId = chainIds[0] }) {
      const address = canonical(given)
      if (address === undefined) return addressFault('has a wrong EIP-55 checksum')
      if (network !== undefined && network !== 'mainnet') return { fault: { path: 'body/network', message: 'is not used here: send chain_id' } }
      if (chainId === undefined || !chainIds.includes(chainId)) return { fault: { path: 'body/chain_id', message: 'is not a configured chain' } }
      return { address, network: String(chainId), chainReference: String(chainId), chainName: 'Ethereum' }
    },

    loginsOf: ({ address, chainReference }) => ['0', chainReference].map((chain) => idOf(chain, address)),

    prove: (account, { message, signature }, askChain) => judge(account, { message, signature }, askChain),

    proveTypedData: (account, { typedData, signature }, askChain) => judge(account, { typedData, signature }, askChain)
  }
}

const idOf = (chain: string, address: string): string => `eip155:${chain}:${address.toLowerCase()}`
