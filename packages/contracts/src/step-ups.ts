/**
 * What a second proof is asked for at the gateway's own doors. The words are said here once: the mail shows them, otp-service composes it,
 * and the gateway cannot have it say anything else. Transactions have their own words, from the signer.
 */
import { Type, type Static } from 'typebox'

/** The action in a few words, after which the mail names the account. `what` introduces the resource, where there is one. */
export interface StepUpWords {
  readonly title: string
  readonly what?: string
}

export const stepUpActions = Object.freeze({
  'identities.link': { title: 'Add a login', what: 'Login' },
  'identities.unlink': { title: 'Remove a login', what: 'Login' },
  'password.change': { title: 'Change the password' },
  'account.export': { title: 'Download everything that is held' },
  'api_keys.create': { title: 'Make an API key', what: 'It may' },
  'api_keys.rotate': { title: 'Replace an API key', what: 'Key' },
  'factors.add_email': { title: 'Add an e-mail address that confirms transactions' },
  'factors.add_totp': { title: 'Add an authenticator app' },
  'factors.add_passkey': { title: 'Add a passkey, which confirms actions and signs in' },
  'factors.make_recovery_codes': { title: 'Make new recovery codes; older ones stop working' },
  'factors.remove': { title: 'Remove a second factor', what: 'Factor' },
  'roles.set': { title: 'Set the roles of a user', what: 'User and all of their roles' }
} as const satisfies Record<string, StepUpWords>)

export type StepUpActionType = keyof typeof stepUpActions

/** `-` where an action has no resource. One line of printable ASCII: it stands in a mail. */
const ResourceId = Type.String({ pattern: '^[!-~]{1,256}$', maxLength: 256, description: 'What the action is done to and with, as the refusal of the route names it; "-" for nothing' })

export const StepUpAction = Type.Object({
  type: Type.Unsafe<StepUpActionType>({ type: 'string', enum: Object.keys(stepUpActions) }),
  resource_id: ResourceId
}, { additionalProperties: false })
export type StepUpAction = Static<typeof StepUpAction>

/** What a route asks a second proof for: the action, and the fields of its request that say what is done to what. */
export interface StepUp {
  readonly action: StepUpActionType
  readonly resource: readonly `${'params' | 'body'}.${string}`[]
}

/** @returns the action that this very request asks for: its fields joined by ":", lists by "+", whatever is no printable ASCII percent-encoded */
export function stepUpActionOf ({ action, resource }: StepUp, request: { readonly params: unknown, readonly body: unknown }): StepUpAction {
  const parts = resource.map((place) => {
    const [part, field] = place.split('.') as ['params' | 'body', string]
    const value = (request[part] as Readonly<Record<string, unknown>> | undefined)?.[field]
    return encodeURI((Array.isArray(value) ? value : [value]).join('+'))
  })
  return { type: action, resource_id: parts.join(':') || '-' }
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

/** The exact text that a factor which shows anything shows. */
export function stepUpText (userId: string, { type, resource_id: resourceId }: StepUpAction): string {
  const { title, what } = stepUpActions[type] as StepUpWords
  return [
    `${title}, for the account ${userId}.`,
    '',
    ...what === undefined ? [] : [`${what}: ${resourceId}`],
    'Whoever has this code can do that. If you did not ask for it, do not give this code to anybody: somebody else is signed in to your account.'
  ].join('\n')
}
