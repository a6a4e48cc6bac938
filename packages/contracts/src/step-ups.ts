/**
 * What a second proof is asked for at the gateway's own doors. The words are said here once: the mail shows them, otp-service composes it,
 * and the gateway cannot have it say anything else. Transactions have their own words, from the signer.
 */
import { Type, type Static } from 'typebox'

const email = '[!-9;-~]{1,200}@[A-Za-z0-9.-]{1,255}'
const walletAddress = '[A-Za-z0-9]{1,128}'
const id = (prefix: string): string => `${prefix}_[0-9A-HJKMNP-TV-Z]{26}`

/** The action in a few words, after which the mail names the account. */
export interface StepUpWords {
  readonly title: string
  /** Introduces the resource, where there is one. */
  readonly what?: string
  /** A regular expression: what a resource of this action looks like, so that nobody puts words or links of his own into a mail. Absent: "-" is the only one. */
  readonly resource?: string
}

export const stepUpActions = Object.freeze({
  'identities.link': { title: 'Add a login', what: 'Login', resource: `${email}|${walletAddress}` },
  'identities.unlink': { title: 'Remove a login', what: 'Login', resource: `([A-Za-z0-9_-]{1,64}:){1,2}([A-Za-z0-9_-]{1,128}|${email})` },
  'password.change': { title: 'Change the password' },
  'account.export': { title: 'Download everything that is held' },
  'api_keys.create': { title: 'Make an API key', what: 'It may', resource: '[a-z_:+-]{1,256}(;expires_in_days=[0-9]{1,4})?(;networks=[0-9A-Fa-f:./+]{2,400})?(;max_per_minute=[0-9]{1,6})?' },
  'api_keys.rotate': { title: 'Replace an API key', what: 'Key', resource: id('key') },
  'factors.add_email': { title: 'Add an e-mail address that confirms transactions', what: 'Address', resource: email },
  'factors.add_sms': { title: 'Add a telephone number that gets codes', what: 'Number', resource: '\\+[1-9][0-9]{7,14}' },
  'factors.add_totp': { title: 'Add an authenticator app' },
  'factors.add_passkey': { title: 'Add a passkey, which confirms actions and signs in' },
  'factors.add_wallet': { title: 'Add a wallet that confirms actions', what: 'Wallet', resource: '[a-z]{3,16}:[A-Za-z0-9]{26,90}(:[1-9][0-9]{0,15})?' },
  'factors.make_recovery_codes': { title: 'Make new recovery codes; older ones stop working' },
  'factors.remove': { title: 'Remove a second factor', what: 'Factor', resource: id('fct') },
  'wallets.disable': { title: 'Switch off a wallet that pays', what: 'Wallet', resource: id('wal') },
  'roles.set': { title: 'Set the roles of a user', what: 'User and all of their roles', resource: `${id('usr')}:[a-z+]{0,64}` }
} as const satisfies Record<string, StepUpWords>)

export type StepUpActionType = keyof typeof stepUpActions

export const StepUpAction = Type.Object({
  type: Type.Unsafe<StepUpActionType>({ type: 'string', enum: Object.keys(stepUpActions) }),
  resource_id: Type.String({ pattern: '^[!-~]{1,512}$', maxLength: 512, description: 'What the action is done to and with, as the refusal of the route names it; "-" for nothing' })
}, { additionalProperties: false })
export type StepUpAction = Static<typeof StepUpAction>

/** Whether this is what a resource of that action looks like. */
export function isOfAction ({ type, resource_id: resourceId }: StepUpAction): boolean {
  const { resource = '-' } = stepUpActions[type] as StepUpWords
  return new RegExp(`^(?:${resource})$`).test(resourceId)
}

/** What a route asks a second proof for: the action, and the fields of its request that say what is done to what. */
export interface StepUp {
  readonly action: StepUpActionType
  readonly resource: readonly Place[]
  /** Fields that narrow what is given, named where they are there: an answer for a key of one day makes none that lasts for ever. */
  readonly narrowedBy?: readonly Place[]
}

/** A field of a request. */
export type Place = `${'params' | 'body'}.${string}`

/**
 * @returns the action that this very request asks for: those of its fields that are there, joined by ":", lists by "+", then ";name=value"
 * for each that narrows it; whatever is no printable ASCII percent-encoded
 */
export function stepUpActionOf ({ action, resource, narrowedBy = [] }: StepUp, request: { readonly params: unknown, readonly body: unknown }): StepUpAction {
  const named = (places: readonly Place[]): { readonly field: string, readonly value: string }[] => places.flatMap((place) => {
    const [part, field] = place.split('.') as ['params' | 'body', string]
    const value = (request[part] as Readonly<Record<string, unknown>> | undefined)?.[field]
    return value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [{ field, value: encodeURI((Array.isArray(value) ? value : [value]).join('+')) }]
  })
  const what = named(resource).map(({ value }) => value).join(':') || '-'
  return { type: action, resource_id: [what, ...named(narrowedBy).map(({ field, value }) => `${field}=${value}`)].join(';') }
}

/** What RFC 9470 calls the authentication context that a route asks for: a factor's proof of this action. */
export const stepUpAcr = 'urn:countersign:step-up'

/** How long after its answer a step-up opens the route that it was asked for, once. */
export const stepUpSeconds = 300

/**
 * What `action_digest` of a step-up's receipt is the SHA-256 of (UTF-8, 0x hex): another user's, session's or action's receipt has another one.
 */
export const stepUpPreimage = (userId: string, sessionId: string, { type, resource_id: resourceId }: StepUpAction): string =>
  `countersign/v1|step_up|${userId}|${sessionId}|${type}|${resourceId}`

/**
 * The exact text that a factor which shows anything shows.
 * @param called what otp-service itself knows the resource as: an id alone tells its owner nothing
 */
export function stepUpText (userId: string, { type, resource_id: resourceId }: StepUpAction, called?: string): string {
  const { title, what } = stepUpActions[type] as StepUpWords
  return [
    `${title}, for the account ${userId}.`,
    '',
    ...what === undefined ? [] : [`${what}: ${called === undefined ? '' : `${called}, `}${resourceId}`],
    'Whoever has this code, or your signature of this, can do that. If you did not ask for it, do not give this code to anybody and sign nothing: somebody else is signed in to your account.'
  ].join('\n')
}

/** All of the action in the one line that a text message has room for, in printable ASCII; nothing of it is shortened. @param called as above */
export function stepUpShortText ({ type, resource_id: resourceId }: StepUpAction, called?: string): string {
  const { title, what } = stepUpActions[type] as StepUpWords
  if (what === undefined) return title
  const name = called?.replaceAll('…', '..').replaceAll('•', '*').replace(/[^ -~]/gu, '?')
  return `${title}: ${name === undefined ? '' : `${name}, `}${resourceId}`
}
