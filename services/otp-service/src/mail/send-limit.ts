/**
 * How many codes one mailbox or telephone may get: a bomb of mails is aimed at a recipient, not at an account. Codes to an address that is only being
 * enrolled have buckets of their own, since anybody may ask for them: they take nothing from the codes of a proved factor, or a stranger
 * who types the victim's address would keep the victim from confirming. So do codes for which nobody needs a session, of all purposes
 * together; and those among them that are asked for from where the address signed in before, so that strangers who use up the others do
 * not keep its owner from one.
 *
 * Text messages cost money, and some numbers pay whoever has them sent there: a number has a day's limit as well, over all accounts that
 * have it, and all numbers together have one, half of which no enrolment can use up.
 */
import { isPhoneNumber, Problem, problems } from '@countersign/contracts'
import { keyedHash } from '@countersign/secrets'
import { normaliseAddress } from '../factors/factor.ts'

/** A code to an address that nobody has proved yet, which counts for its asker as well, to a proved factor, or to a mailbox for somebody without a session. */
export type Send =
  | { readonly to: 'enrolment', readonly userId: string, readonly address: string }
  | { readonly to: 'factor', readonly factorId: string, readonly address: string }
  | { readonly to: 'mailbox', readonly address: string, readonly knownPlace: boolean }

export interface SendLimit {
  /**
   * Takes one send for each, or none at all. The first call of what it returns takes, later ones wait for the same take: a transaction
   * that is run again after a conflict sends no second mail and pays for none.
   * @throws Problem sendLimited
   */
  taking (sends: readonly Send[]): () => Promise<void>
}

export interface SendRules {
  /** For one enrolled address over all users, and for one proved factor. */
  readonly perMinute: number
  readonly perHour: number
  /** Addresses that one user may begin to enrol, whichever they are. */
  readonly enrolmentsPerHour: number
  readonly enrolmentsPerDay: number
  /** To one number: enrolments of it by anybody, and apart from these codes of factors. */
  readonly textsPerNumberPerDay: number
  /** To all numbers together. */
  readonly textsPerHour: number
}

export interface SendLimitDeps {
  readonly limiter: { take (buckets: { key: string, max: number, windowMs: number }[]): Promise<{ allowed: boolean, retryAfterMs: number }> }
  /** Redis sees a keyed hash: a dump of it names nobody. */
  readonly hashKey: Uint8Array
  readonly rules: SendRules
  readonly onLimited: () => void
}

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000

export function createSendLimit ({ limiter, hashKey, rules, onLimited }: SendLimitDeps): SendLimit {
  const hashed = (...parts: string[]): string => keyedHash(hashKey, ...parts).toString('base64url')
  const ofMailbox = (key: string) => [{ key, max: rules.perMinute, windowMs: minuteMs }, { key, max: rules.perHour, windowMs: hourMs }]
  const ofNumber = (key: string) => [...ofMailbox(key), { key, max: rules.textsPerNumberPerDay, windowMs: dayMs }, { key: 'texts', max: rules.textsPerHour, windowMs: hourMs }]

  const bucketsOf = (send: Send) => {
    const address = normaliseAddress(send.address)
    const isText = isPhoneNumber(address)
    if (send.to === 'factor') return isText ? ofNumber(`number:${hashed(address)}`) : ofMailbox(`factor:${hashed(send.factorId, address)}`)
    if (send.to === 'mailbox') return ofMailbox(`${send.knownPlace ? 'mailbox-known' : 'mailbox'}:${hashed(address)}`)
    const user = `user:${hashed(send.userId)}`
    return [
      ...isText ? [...ofNumber(`enrol:${hashed(address)}`), { key: 'texts:enrol', max: Math.ceil(rules.textsPerHour / 2), windowMs: hourMs }] : ofMailbox(`enrol:${hashed(address)}`),
      { key: user, max: rules.enrolmentsPerHour, windowMs: hourMs },
      { key: user, max: rules.enrolmentsPerDay, windowMs: dayMs }
    ]
  }

  const take = async (sends: readonly Send[]): Promise<void> => {
    const { allowed, retryAfterMs } = await limiter.take(sends.flatMap(bucketsOf))
    if (allowed) return
    onLimited()
    throw new Problem(problems.sendLimited, { retry_after: Math.max(1, Math.ceil(retryAfterMs / 1_000)) })
  }

  return {
    taking (sends) {
      let taken: Promise<void> | undefined
      return () => taken ??= take(sends)
    }
  }
}
