/** The limits of signing in, joined: before every route that is counted, and told of every login that was right. */
import { createLimiter, type Redis } from '@countersign/redis'
import type { Logger } from '@countersign/runtime'
import { deriveKey } from '@countersign/secrets'
import type { FastifyInstance } from 'fastify'
import type { GatewayConfig } from './config.ts'
import { limitSignIn } from './limits/limit-sign-in.ts'
import { createSignInLimits, limitsPrefix } from './limits/sign-in-limits.ts'
import type { ClientDescription } from './sessions/open-session.ts'
import type { SignedIn } from './sign-in/sign-in-with-wallet.ts'

export interface ComposeLimitsOptions {
  readonly config: GatewayConfig
  readonly redis: Redis
  readonly app: FastifyInstance
  readonly log: Logger
}

type Opener<Rest extends unknown[], Opened> = (signedIn: SignedIn, client: ClientDescription, ...rest: Rest) => Promise<Opened>

export function composeLimits ({ config, redis, app, log }: ComposeLimitsOptions) {
  const limits = createSignInLimits({
    limiter: createLimiter({ redis, prefix: limitsPrefix }),
    keep: (key, lifeMs) => redis.set(key, '1', 'PX', lifeMs),
    isKept: async (key) => await redis.exists(key) === 1,
    hashKey: deriveKey(config.secretKey, 'sign-in-limits'),
    place: config.rateLimit.signIn,
    challengeMs: config.signIn.ttlSeconds * 1_000,
    log
  })
  limitSignIn(app, limits)

  return {
    /** As the given one; from where a proved login opened a session, others cannot lock it out. */
    remembering: <Rest extends unknown[], Opened>(open: Opener<Rest, Opened>): Opener<Rest, Opened> => async (signedIn, client, ...rest) => {
      const opened = await open(signedIn, client, ...rest)
      const { user, identity } = signedIn
      // An address that nobody proved may be another's, who must not find strangers' places among his own.
      if (user.identities.some(({ id, verified }) => id === identity.id && verified)) void limits.remember(identity, client.ip)
      return opened
    }
  }
}
