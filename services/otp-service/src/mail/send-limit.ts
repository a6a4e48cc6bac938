/**
 * How many codes one mailbox or telephone may get: a bomb of mails is aimed at a recipient, not at an account. Codes to an address that is only being
 * enrolled have buckets of their own, since anybody may ask for them: they take nothing from the codes of a proved factor, or a stranger
 * who types the victim's address would keep the victim from confirming. So do codes for which nobody needs a session, of all purposes
 * together; and those among them that are asked for from where the address signed in before, so that strangers who use up the others do
 * not keep its owner from one. What nobody's session or an unproved address asks for counts against the place as well, the recipient and the
 * place in one step: in both or in neither.
 *
 * All sessions of an account share what its factor may get, the last fifth of an hour's and a day's kept for those that have answered rightly
 * before: whoever asks from another session leaves those their codes, and no number of sessions gets more.
 *
 * Text messages cost money, and some numbers pay whoever has them sent there: a number has a day's limit as well, over all accounts that
 * have it, and all numbers together have one, half of which no enrolment can use up.
 */
import { isPhoneNumber, Problem, problems, type AskingPlace } from '@countersign/contracts'
import { keyedHash } from '@countersign/secrets'
import { normaliseAddress } from '../factors/factor.ts'

/**
 * A code to an address that nobody has proved yet, which counts for its asker as well, to a proved factor, or to a mailbox for somebody without a
 * session. `own`: asked for by a session that has answered rightly before, or in an account that has nothing to keep.
 */
export type Send =
  | { readonly to: 'enrolment', readonly userId: string, readonly address: string, readonly place: AskingPlace | undefined, readonly own: boolean }
  | { readonly to: 'factor', readonly factorId: string, readonly address: string, readonly own: boolean }
  | { readonly to: 'mailbox', readonly address: string, readonly place: AskingPlace | undefined }

export type FactorSend = Extract<Send, { to: 'factor' }>

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
  /** From one place to whomever, and half of `perHour` to one recipient. */
  readonly perPlacePerHour: number
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

/** What sessions that have not answered rightly before leave to those that have: a fifth, and of one or two nothing. */
const sharedOf = (most: number): number => most < 3 ? most : most - Math.ceil(most / 5)

export function createSendLimit ({ limiter, hashKey, rules, onLimited }: SendLimitDeps): SendLimit {
  const hashed = (...parts: string[]): string => keyedHash(hashKey, ...parts).toString('base64url')
  const all = (most: number): number => most
  const ofMailbox = (key: string, share = all) => [{ key, max: rules.perMinute, windowMs: minuteMs }, { key, max: share(rules.perHour), windowMs: hourMs }]
  const ofNumber = (key: string, share = all) => [...ofMailbox(key, share), { key, max: share(rules.textsPerNumberPerDay), windowMs: dayMs }, { key: 'texts', max: rules.textsPerHour, windowMs: hourMs }]
  const ofPlace = (place: AskingPlace | undefined, address: string) => place === undefined ? [] : [
    ...place.known === true ? [] : [{ key: `place:${hashed('place', place.id)}`, max: rules.perPlacePerHour, windowMs: hourMs }],
    { key: `place-to:${hashed('place', place.id, address)}`, max: Math.ceil(rules.perHour / 2), windowMs: hourMs }
  ]

  const bucketsOf = (send: Send) => {
    const address = normaliseAddress(send.address)
    const isText = isPhoneNumber(address)
    // One count with two ends: others stop before it is full.
    const share = send.to === 'mailbox' || send.own ? all : sharedOf
    if (send.to === 'factor') return isText ? ofNumber(`number:${hashed(address)}`, share) : ofMailbox(`factor:${hashed(send.factorId, address)}`, share)
    const from = ofPlace(send.place, address)
    if (send.to === 'mailbox') return [...ofMailbox(`${send.place?.known === true ? 'mailbox-known' : 'mailbox'}:${hashed(address)}`), ...from]
    const user = `user:${hashed(send.userId)}`
    return [
      ...isText ? [...ofNumber(`enrol:${hashed(address)}`), { key: 'texts:enrol', max: Math.ceil(rules.textsPerHour / 2), windowMs: hourMs }] : ofMailbox(`enrol:${hashed(address)}`),
      { key: user, max: share(rules.enrolmentsPerHour), windowMs: hourMs },
      { key: user, max: share(rules.enrolmentsPerDay), windowMs: dayMs },
      ...from
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
