/** Pending sign-in challenges, in Redis for as long as they live. */
import type { Redis } from 'ioredis'

export interface SignInChallenge {
  readonly id: string
  readonly purpose: 'login'
  /** EIP-55. */
  readonly address: string
  readonly chainId: number
  readonly nonce: string
  /** The whole text, as issued. */
  readonly message: string
}

export type ChallengeStore = ReturnType<typeof createChallengeStore>

const challengeKey = (id: string): string => `gw:challenge:${id}`
const nonceKey = (nonce: string): string => `gw:nonce:${nonce}`

export function createChallengeStore (redis: Redis) {
  return {
    /** Many may be pending for one address: a stranger's request never cancels mine. */
    async keep (challenge: SignInChallenge, ttlSeconds: number): Promise<void> {
      await Promise.all([
        redis.set(challengeKey(challenge.id), JSON.stringify(challenge), 'EX', ttlSeconds),
        redis.set(nonceKey(challenge.nonce), challenge.id, 'EX', ttlSeconds)
      ])
    },

    /** The challenge, for exactly one caller: GETDEL is what decides a race. */
    async consume (id: string): Promise<SignInChallenge | undefined> {
      const stored = await redis.getdel(challengeKey(id))
      return stored === null ? undefined : JSON.parse(stored) as SignInChallenge
    },

    /** For callers of the earlier systems, who send no challenge id back. */
    async idOfNonce (nonce: string): Promise<string | undefined> {
      return await redis.get(nonceKey(nonce)) ?? undefined
    }
  }
}
