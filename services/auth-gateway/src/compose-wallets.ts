/** Signing in and linking with wallets, joined: families, challenges, proofs. */
import type { Audit } from '@countersign/mongo'
import { redisTime, type Redis } from '@countersign/redis'
import { newId, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { randomHex } from '@countersign/secrets'
import {
  canonicalBitcoinAddress, canonicalCosmosAddress, canonicalEvmAddress, canonicalSolanaAddress, canonicalStacksAddress, cosmosAddressUnder, stacksAddressOn
} from '@countersign/wallet-proofs'
import type { ClientSession } from 'mongodb'
import { createEvmRpcs, type EvmRpcs } from './chains/evm-rpcs.ts'
import { createChallengeStore } from './challenges/challenge-store.ts'
import { createIssueChallenge } from './challenges/issue-challenge.ts'
import type { composeSessions } from './compose-sessions.ts'
import type { GatewayConfig } from './config.ts'
import type { PasswordRepository } from './passwords/password-repository.ts'
import { createCheckWalletProof } from './sign-in/check-wallet-proof.ts'
import { createFindOrCreateUser } from './sign-in/find-or-create-user.ts'
import { createLinkWallet } from './sign-in/link-wallet.ts'
import type { SignInReport } from './sign-in/report-sign-in.ts'
import { createSignInWithWallet } from './sign-in/sign-in-with-wallet.ts'
import { createUnlinkIdentity } from './sign-in/unlink-identity.ts'
import type { IdentityRepository } from './users/identity-repository.ts'
import type { UserRepository } from './users/user-repository.ts'
import { createEvmFamily } from './wallets/evm-family.ts'
import { createSignaturePool, type SignaturePool } from './signature-pool/signature-pool.ts'
import { createBitcoinFamily } from './wallets/bitcoin-family.ts'
import { createCosmosFamily } from './wallets/cosmos-family.ts'
import type { Families } from './wallets/families.ts'
import { createSolanaFamily } from './wallets/solana-family.ts'
import { createStacksFamily } from './wallets/stacks-family.ts'

export interface ComposeWalletsOptions {
  readonly config: GatewayConfig
  readonly redis: Redis
  readonly users: UserRepository
  readonly identities: IdentityRepository
  readonly audit: Audit
  readonly report: SignInReport
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'states' | 'revocations' | 'stillOpen'>
  readonly passwords: PasswordRepository
  readonly revokeKeysMadeBy: (userId: string, identityId: string, transaction: ClientSession) => Promise<void>
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

export function composeWallets ({ config, redis, users, identities, audit, report, sessions: { states, revocations, stillOpen }, passwords, revokeKeysMadeBy, log, metrics, lifecycle }: ComposeWalletsOptions) {
  const pool = createSignaturePool({ log, metrics })
  lifecycle.onStop('signature pool', () => pool.close())
  const challenges = createChallengeStore(redis)
  const families = composeFamilies(config.wallets, pool, createEvmRpcs({ urls: config.wallets.evmRpcUrls, metrics }))
  const check = createCheckWalletProof({ families, challenges, users, report })
  const userOf = createFindOrCreateUser({ users, newSuffix: () => randomHex(4) })
  return {
    families,
    userOf,
    issueChallenge: createIssueChallenge({
      families,
      challenges,
      ...config.signIn,
      now: async () => new Date(await redisTime(redis)),
      newId: () => newId('chl'),
      newNonce: () => randomHex(16)
    }),
    signInWithWallet: createSignInWithWallet({ check, userOf, report }),
    linkWallet: createLinkWallet({ check, identities, users, states, audit, stillOpen }),
    unlink: createUnlinkIdentity({ identities, users, states, audit, revocations, passwords, revokeKeysMadeBy })
  }
}

function composeFamilies ({ chainIds, networks, cosmosPrefixes, cosmosEthPrefixes }: GatewayConfig['wallets'], pool: Pick<SignaturePool, 'verify'>, { rpcOf }: EvmRpcs): Families {
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
