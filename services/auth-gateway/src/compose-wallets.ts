/** Signing in and linking with wallets, joined: families, challenges, proofs. */
import type { Audit } from '@countersign/mongo'
import { redisTime, type Redis } from '@countersign/redis'
import { newId, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { randomHex } from '@countersign/secrets'
import { createEvmRpcs, createSignaturePool, openFamilies } from '@countersign/wallets'
import type { ClientSession } from 'mongodb'
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

export interface ComposeWalletsOptions {
  readonly config: GatewayConfig
  readonly redis: Redis
  readonly users: UserRepository
  readonly identities: IdentityRepository
  readonly audit: Audit
  readonly report: SignInReport
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'states' | 'revocations' | 'stillOpen' | 'tellUser'>
  readonly passwords: PasswordRepository
  readonly revokeKeysMadeBy: (userId: string, identityId: string, transaction: ClientSession) => Promise<void>
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

export function composeWallets ({ config, redis, users, identities, audit, report, sessions: { states, revocations, stillOpen, tellUser }, passwords, revokeKeysMadeBy, log, metrics, lifecycle }: ComposeWalletsOptions) {
  const pool = createSignaturePool({ log, metrics })
  lifecycle.onStop('signature pool', () => pool.close())
  const challenges = createChallengeStore(redis)
  const families = openFamilies({ ...config.wallets, pool, rpcs: createEvmRpcs({ urls: config.wallets.evmRpcUrls, metrics }) })
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
    linkWallet: createLinkWallet({ check, identities, users, states, audit, stillOpen, tellUser }),
    unlink: createUnlinkIdentity({ identities, users, states, audit, revocations, passwords, revokeKeysMadeBy, tellUser })
  }
}
