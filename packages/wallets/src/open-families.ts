/** The five families over one pool of threads and the configured nodes, joined. */
import { canonicalBitcoinAddress, canonicalCosmosAddress, canonicalEvmAddress, canonicalSolanaAddress, canonicalStacksAddress, cosmosAddressUnder, stacksAddressOn } from '@countersign/wallet-proofs'
import type { EvmRpcs } from './chains/evm-rpcs.ts'
import { createBitcoinFamily } from './families/bitcoin-family.ts'
import { createCosmosFamily } from './families/cosmos-family.ts'
import { createEvmFamily } from './families/evm-family.ts'
import type { Families } from './families/families.ts'
import { createSolanaFamily } from './families/solana-family.ts'
import { createStacksFamily } from './families/stacks-family.ts'
import type { SignaturePool } from './signature-pool/signature-pool.ts'
import type { WalletConfig } from './wallet-environment.ts'

export interface FamiliesOptions extends Omit<WalletConfig, 'evmRpcUrls'> {
  readonly pool: Pick<SignaturePool, 'verify'>
  readonly rpcs: EvmRpcs
}

export function openFamilies ({ chainIds, networks, cosmosPrefixes, cosmosEthPrefixes, pool, rpcs: { rpcOf } }: FamiliesOptions): Families {
  return {
    evm: createEvmFamily({ chainIds, canonical: canonicalEvmAddress, verify: (proof) => pool.verify('evm', proof), rpcOf }),
    solana: createSolanaFamily({ networks, canonical: canonicalSolanaAddress, verify: (proof) => pool.verify('solana', proof) }),
    cosmos: createCosmosFamily({
      networks, prefixes: cosmosPrefixes, ethPrefixes: cosmosEthPrefixes,
      canonical: canonicalCosmosAddress, withPrefix: cosmosAddressUnder, verify: (proof) => pool.verify('cosmos', proof)
    }),
    stacks: createStacksFamily({
      networks, canonical: canonicalStacksAddress, onMainnet: (address) => stacksAddressOn(address, 'mainnet'), verify: (proof) => pool.verify('stacks', proof)
    }),
    bitcoin: createBitcoinFamily({ networks, canonical: canonicalBitcoinAddress, verify: (proof) => pool.verify('bitcoin', proof) })
  }
}
