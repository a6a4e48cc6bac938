/**
 * How often signing in may be tried. One step in Redis decides over the place (an IPv4 address, the /64 of an IPv6 one), over the account or
 * address as it is tried from that place, and over it from anywhere: of many tries at once exactly as many are admitted as may be, whichever
 * process they reach. The outer limit of the place (AUTH_RATE_LIMIT_…) has counted the request before.
 *
 * What others do elsewhere keeps no owner out. A wallet's signature cannot be guessed, so no count of its address closes it. A password can:
 * its counts close the password alone, and not at a place from which the same login was right before. Mailed codes are guessed at
 * otp-service's expense, which counts them per challenge, address and account; here only the place pays. Mails and text messages are counted
 * there, the place and the recipient in one step: here it is only told which place it is, and whether the login was right from it before.
 */
import { Problem, problems, type AskingPlace } from '@countersign/contracts'
import type { LimitBucket, Limiter } from '@countersign/redis'
import type { Logger } from '@countersign/runtime'
import { keyedHash } from '@countersign/secrets'
import { LRUCache } from 'lru-cache'
import { emailIdentityId, type Identity } from '../users/identity.ts'

export type TryKind =
  /** Stores a pending challenge. */
  | 'challenge'
  /** Has a mail or text message sent: counted by otp-service, which knows the recipient. */
  | 'mail'
  /** Makes an account before its address is proved. */
  | 'account'
  /** Shows what was signed or mailed. */
  | 'proof'
  | 'password'

export interface SignInTry {
  readonly kind: TryKind
  /** As `clientIp` counts callers: all whose address cannot be told share one bucket. */
  readonly ip: string
  /** Whose login is tried, in its one spelling. Unknown ones count like known ones, or the limit would tell which exist. */
  readonly subject?: string | undefined
}

export interface AdmittedTry {
  /** `known`: the subject's login was right from there in the last 30 days. */
  readonly place: AskingPlace
  /** It was no guess, or a right one: then the mistyped passwords before it are forgotten. Never throws. */
  readonly giveBack: (given: { readonly wasRight: boolean }) => Promise<void>
}

export interface SignInLimits {
  /**
   * Counts one try in every bucket of its kind, or in none when one of them is full.
   * @throws Problem rateLimited, sendLimited (account), factorLocked (password); unavailable when Redis cannot count, since guesses would be free
   */
  readonly take: (tried: SignInTry) => Promise<AdmittedTry>
  /** This login was right from this place. Never throws. */
  readonly remember: (identity: Pick<Identity, 'kind' | 'address'>, ip: string) => Promise<void>
}

export interface SignInLimitsDeps {
  readonly limiter: Pick<Limiter, 'take' | 'giveBack' | 'clear'>
  readonly keep: (key: string, lifeMs: number) => Promise<unknown>
  readonly isKept: (key: string) => Promise<boolean>
  /** Redis sees keyed hashes: a dump of it names nobody. */
  readonly hashKey: Uint8Array
  /** The outer limit of a place; the ones here grow with it. */
  readonly place: { readonly max: number, readonly windowMs: number }
  /** How long a pending challenge is kept. */
  readonly challengeMs: number
  readonly log: Pick<Logger, 'warn'>
}

/** Begins the keys of the limiter, and those that excuse: one hash tag, since one script reads both. */
export const limitsPrefix = 'gw:{limits}'

export const wrongPasswordsFromOnePlace = 10
/** NIST SP 800-63B §5.2.2 allows 100 in a row. */
export const wrongPasswordsFromAnywhere = 100
/** Over all accounts, as a multiple of what the outer limit admits in its window: guessing a little at many accounts ends here. */
const failuresOfPlace = 5
const quarterMs = 15 * 60_000
const hourMs = 60 * 60_000
const knownPlaceMs = 30 * 86_400_000
const retryAfterOutageSeconds = 5

/** One for every spelling: letter case is a checksum or nothing. Two base58 addresses that differ in case alone share a bucket, and nobody finds such a pair. */
export const walletSubject = (address: string): string => `wallet:${address.toLowerCase()}`
export const emailSubject = emailIdentityId

export function createSignInLimits ({ limiter, keep, isKept, hashKey, place, challengeMs, log }: SignInLimitsDeps): SignInLimits {
  // A sign-in asks for the same few hashes of its place and its login several times, and for those of its place again at the next one.
  const hashes = new LRUCache<string, string>({ max: 20_000 })
  const hashed = (...parts: string[]): string => {
    const name = JSON.stringify(parts)
    const known = hashes.get(name)
    if (known !== undefined) return known
    const hash = keyedHash(hashKey, ...parts).toString('base64url')
    hashes.set(name, hash)
    return hash
  }
  const knownKey = (subject: string, ip: string): string => `${limitsPrefix}:known:${hashed('known', subject, ip)}`

  /** The first one is the place's. */
  function bucketsOf (kind: Exclude<TryKind, 'mail'>, { ip, subject }: Pick<SignInTry, 'ip' | 'subject'>): LimitBucket[] {
    const bucket = (name: string, parts: readonly string[], max: number, windowMs: number): LimitBucket => ({ key: `${name}:${hashed(name, ...parts)}`, max, windowMs })
    const excused = subject === undefined ? {} : { unless: knownKey(subject, ip) }
    const ofSubject = (name: string, here: readonly [number, number], anywhere?: readonly [number, number]): LimitBucket[] => subject === undefined ? [] : [
      bucket(`${name}:here`, [subject, ip], ...here),
      ...anywhere === undefined ? [] : [{ ...bucket(`${name}:anywhere`, [subject], ...anywhere), ...excused }]
    ]
    const ofPlace = (name: string): LimitBucket => ({ ...bucket(`${name}:place`, [ip], failuresOfPlace * place.max, hourMs), ...excused })

    if (kind === 'password') return [ofPlace('wrong'), ...ofSubject('password', [wrongPasswordsFromOnePlace, quarterMs], [wrongPasswordsFromAnywhere, hourMs])]
    if (kind === 'proof') return [ofPlace('wrong')]
    if (kind === 'account') return [ofPlace('account')]
    return [
      bucket('challenge:place', [ip], Math.ceil(place.max * challengeMs / place.windowMs), challengeMs),
      ...ofSubject('challenge', [place.max, challengeMs])
    ]
  }

  async function asking<T> (redis: () => Promise<T>): Promise<T> {
    try {
      return await redis()
    } catch (error) {
      log.warn({ err: error }, 'sign-in limits cannot be counted: sign-in is closed')
      throw new Problem(problems.unavailable, { retry_after: retryAfterOutageSeconds })
    }
  }

  /** The answer is on its way: that a count is too high for a while is the smaller harm. */
  async function tolerant (work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      log.warn({ err: error }, 'sign-in limits were not corrected')
    }
  }

  return {
    async take (tried) {
      const { kind, ip, subject } = tried
      const id = hashed('place', ip)
      if (kind === 'mail') return { place: { id, known: subject !== undefined && await asking(() => isKept(knownKey(subject, ip))) }, giveBack: async () => {} }
      const buckets = bucketsOf(kind, tried)
      const { allowed, retryAfterMs, takenAtMs, asked } = await asking(() => limiter.take(buckets))
      if (!allowed) throw refusal(kind, Math.max(1, Math.ceil(retryAfterMs / 1_000)))
      const taken = buckets.filter((_bucket, index) => asked[index] === true)
      const mistyped = taken.filter(({ key }) => key.startsWith('password:here'))
      return {
        place: { id, known: taken.length < buckets.length },
        giveBack: ({ wasRight }) => tolerant(Promise.all([
          taken.length > 0 && limiter.giveBack(taken, takenAtMs),
          wasRight && mistyped.length > 0 && limiter.clear(mistyped)
        ]))
      }
    },

    remember: ({ kind, address }, ip) => tolerant(keep(knownKey(kind === 'email' ? emailSubject(address) : walletSubject(address), ip), knownPlaceMs))
  }
}

function refusal (kind: TryKind, retryAfter: number): Problem {
  if (kind === 'password') return new Problem(problems.factorLocked, { detail: 'Too many requests: too many wrong passwords. Wait, or sign in another way.', retry_after: retryAfter })
  return new Problem(kind === 'account' ? problems.sendLimited : problems.rateLimited, { retry_after: retryAfter })
}
