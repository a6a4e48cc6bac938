/**
 * How often sign-in may be tried: from one place, and for one account from anywhere. One step in Redis decides over all of them together, so that
 * of many tries at once exactly as many are admitted as may be, whichever process they reach.
 */
import { Problem, problems } from '@countersign/contracts'
import type { Limiter } from '@countersign/redis'
import type { Logger } from '@countersign/runtime'
import { keyedHash } from '@countersign/secrets'

export interface SignInLimitsDeps {
  readonly limiter: Pick<Limiter, 'take'>
  /** Redis sees keyed hashes: a dump of it names nobody. */
  readonly hashKey: Uint8Array
  readonly windowMs: number
  readonly perIp: number
  readonly perSubject: number
  readonly log: Pick<Logger, 'warn'>
}

export interface SignInTry {
  /** As `clientIp` counts callers: all whose address cannot be told share one bucket, and so does a whole /64. */
  readonly ip: string
  /**
   * Whose account is tried, each in its one spelling (`email:<normalised address>`, the id of an identity): two spellings would be two buckets.
   * Unknown accounts count like known ones, or the limit would tell which exist.
   */
  readonly subjects: readonly string[]
}

export interface SignInLimits {
  /**
   * Counts one try for the place and for each subject, or for none of them when one is used up.
   * @throws Problem rateLimited; unavailable when Redis cannot count, since guesses would be free
   */
  readonly take: (tried: SignInTry) => Promise<void>
}

const retryAfterOutageSeconds = 5

export function createSignInLimits ({ limiter, hashKey, windowMs, perIp, perSubject, log }: SignInLimitsDeps): SignInLimits {
  const bucket = (kind: 'ip' | 'subject', name: string, max: number) =>
    ({ key: `${kind}:${keyedHash(hashKey, kind, name).toString('base64url')}`, max, windowMs })

  return {
    async take ({ ip, subjects }) {
      const buckets = [bucket('ip', ip, perIp), ...[...new Set(subjects)].map((subject) => bucket('subject', subject, perSubject))]
      const { allowed, retryAfterMs } = await limiter.take(buckets).catch((error: unknown) => {
        log.warn({ err: error }, 'sign-in limits cannot be counted: sign-in is closed')
        throw new Problem(problems.unavailable, { retry_after: retryAfterOutageSeconds })
      })
      if (!allowed) throw new Problem(problems.rateLimited, { retry_after: Math.max(1, Math.ceil(retryAfterMs / 1_000)) })
    }
  }
}
