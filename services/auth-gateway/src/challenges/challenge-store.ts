/** Pending sign-in challenges, in Redis for as long as they live. */
import type { WalletFamily } from '@countersign/contracts'
import type { Redis } from 'ioredis'
import type { ChallengePurpose } from './sign-in-message.ts'

export interface SignInChallenge {
  readonly id: string
  readonly family: WalletFamily
  readonly purpose: ChallengePurpose
  /** Canonical. */
  readonly address: string
  readonly network: string
  readonly chainReference: string
  readonly nonce: string
  /** The whole text, as issued. */
  readonly message: string
  /** Who asked for it; only for `link`. */
  readonly asker?: { readonly userId: string, readonly sessionId: string }
}

export type ChallengeStore = ReturnType<typeof createChallengeStore>

const challengeKey = (id: string): string => `gw:challenge:${id}`
const nonceKey = (nonce: string): string => `gw:nonce:${nonce}`

export function createChallengeStore (redis: Redis) {
  return {
    /** Many may be pending for one address: a stranger's request never cancels mine. @param expiresAt as the text says it, however long it took to get here */
    async keep (challenge: SignInChallenge, expiresAt: Date): Promise<void> {
      const end = expiresAt.getTime()
      await Promise.all([
        redis.set(challengeKey(challenge.id), JSON.stringify(challenge), 'PXAT', end),
        redis.set(nonceKey(challenge.nonce), challenge.id, 'PXAT', end)
      ])
    },

    /** The challenge, for exactly one caller: GETDEL is what decides a race. */
    async consume (id: string): Promise<SignInChallenge | undefined> {
      const stored = await redis.getdel(challengeKey(id))
      return stored === null ? undefined : JSON.parse(stored) as SignInChallenge
    },

    async idOfNonce (nonce: string): Promise<string | undefined> {
      return await redis.get(nonceKey(nonce)) ?? undefined
    }
  }
}
