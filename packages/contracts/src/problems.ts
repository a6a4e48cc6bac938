/** RFC 9457. `type` and `status` are what a client may branch on; the rest is for people. */
import { Type, type Static } from 'typebox'
import { StepUpAction } from './step-ups.ts'

export const ProblemDocument = Type.Object({
  type: Type.String({ format: 'uri-reference' }),
  title: Type.String(),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  detail: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String({ description: 'urn:request:<request id>, the same id as in the logs' })),
  faults: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'JSON pointer, beginning with body, query, params or headers' }),
    message: Type.String()
  }))),
  retry_after: Type.Optional(Type.Integer({ description: 'Seconds' })),
  attempts_left: Type.Optional(Type.Integer()),
  challenge_id: Type.Optional(Type.String()),
  action: Type.Optional(StepUpAction)
})
export type ProblemDocument = Static<typeof ProblemDocument>

export interface ProblemKind {
  readonly slug: string
  readonly type: string
  readonly status: number
  readonly title: string
  readonly detail: string
}

const kind = (slug: string, status: number, title: string, detail: string): ProblemKind =>
  Object.freeze({ slug, type: `/problems/${slug}`, status, title, detail })

/** The catalogue. A slug is never reused for another meaning; a retired one stays here with a note. */
export const problems = {
  malformedRequest: kind('malformed-request', 400, 'The request cannot be read', 'The body is not valid JSON, or the request line or headers are malformed.'),
  idempotencyKeyRequired: kind('idempotency-key-required', 400, 'An Idempotency-Key header is required', 'Send an Idempotency-Key of 1 to 128 characters out of A-Z a-z 0-9 _ . : - and repeat it on a retry.'),
  emailRegistered: kind('email-registered', 400, 'Email already registered', 'Email already registered. If it is yours, sign in, or prove it with a mailed code.'),
  unknownNetwork: kind('unknown-network', 400, 'The network is not known', 'The network is mainnet, testnet or devnet, in the header X-Network, the body or the query, and one that this gateway serves.'),
  otpRejected: kind('otp-rejected', 400, 'Invalid OTP', 'Invalid OTP: the code is wrong, used or expired, or there is none. Ask for a new one.'),
  addressMismatch: kind('address-mismatch', 400, 'Not the proved address of the account', 'Codes go to the address that this account has proved, and this is another one. Nothing was sent.'),
  unauthorized: kind('unauthorized', 401, 'Unauthorized', 'Unauthorized: a valid access token is required.'),
  credentialsRejected: kind('credentials-rejected', 401, 'Address or password is wrong', 'Unauthorized: the address or the password is wrong.'),
  proofRejected: kind('proof-rejected', 401, 'The proof was not accepted', 'Unauthorized: the signature or its challenge is wrong, used, expired or unknown. Ask for a new challenge.'),
  codeRejected: kind('code-rejected', 401, 'The code was not accepted', 'Unauthorized: the code is wrong, used or expired, or its challenge is unknown. Ask for a new code.'),
  sessionClosed: kind('session-closed', 401, 'The session is closed', 'Unauthorized: the session was closed, or its refresh token is unknown, expired or was used before. Sign in again.'),
  freshProofRequired: kind('fresh-proof-required', 401, 'A fresh proof is required', 'Unauthorized: this action needs a session that was proved a short while ago. Sign in again, then repeat the request.'),
  stepUpRequired: kind('step-up-required', 401, 'A second proof is required', 'Unauthorized: this action needs the proof of a factor for exactly it: POST /api/v1/step-ups with the action named here, answer it, then repeat the request with its id in the Step-Up header.'),
  notPermitted: kind('not-permitted', 403, 'Not permitted', 'This user is not a principal that may do this. An operator grants it with: countersign principals grant.'),
  numberNotServed: kind('number-not-served', 403, 'No text messages go to this number', 'This service sends no text messages to the country of this number. Nothing was sent; choose another factor.'),
  roleRequired: kind('role-required', 403, 'Another role is required', 'This user does not hold the role that this route asks for. Roles are given with: countersign users grant.'),
  insufficientScope: kind('insufficient-scope', 403, 'The API key may not do this', 'The key lacks the scope of this route, or this route is closed to keys.'),
  policyDenied: kind('policy-denied', 403, 'Denied by policy', 'No rule of the policy allows this transaction, or a rule denies it.'),
  notOwner: kind('not-owner', 403, 'Not yours', 'This wallet is connected to another account.'),
  originRefused: kind('origin-refused', 403, 'This origin may not use a cookie here', 'The request carries or asks for a cookie, and comes from a page that is not on the list of origins. Send the credential in a header instead.'),
  noSuchRoute: kind('no-such-route', 404, 'Nothing lives at this address', 'See /docs for the routes of this API.'),
  notFound: kind('not-found', 404, 'Not found', 'There is no such thing, or it is not yours.'),
  idempotencyConflict: kind('idempotency-conflict', 409, 'The Idempotency-Key was used for another request', 'The same key was sent with another body. Use a new key for a new request.'),
  stateConflict: kind('state-conflict', 409, 'Not possible in this state', 'The state has moved on; read it again.'),
  feeLimitReached: kind('fee-limit-reached', 409, 'Its fees cannot be raised', 'What was confirmed for this transaction lets its fees rise no further.'),
  identityTaken: kind('identity-taken', 409, 'This login belongs to another account', 'It is linked to another account. Nothing was merged: sign in with it and unlink it there first.'),
  lastIdentity: kind('last-identity', 409, 'The last login cannot be removed', 'Without it nobody could sign in to this account. Link another login first.'),
  tooMany: kind('too-many', 409, 'There are too many of them', 'Remove one that is no longer needed first.'),
  usernameTaken: kind('username-taken', 409, 'This username is taken', 'Choose another username.'),
  factorProofRequired: kind('factor-proof-required', 409, 'A mailed code is required', 'The account has a proved address, so this needs a code that was mailed there: POST /api/v1/me/deletion sends it.'),
  accountDeleting: kind('account-deleting', 409, 'This account is being deleted', 'The login is the right one, and its account is being deleted. Once that is done, the login may be used for a new account.'),
  factorRequired: kind('factor-required', 409, 'A proved address is required', 'Prove an e-mail address first: POST /api/v1/me/email.'),
  payloadTooLarge: kind('payload-too-large', 413, 'The body is too large', 'The body exceeds the size limit of this API.'),
  unsupportedMediaType: kind('unsupported-media-type', 415, 'The content type is not supported', 'Send application/json.'),
  schemaViolation: kind('schema-violation', 422, 'The request does not match its schema', 'See faults for the path of each fault.'),
  factorLocked: kind('factor-locked', 429, 'The factor is locked for a while', 'Too many requests: the budget of wrong codes is spent. Wait, or use another factor.'),
  sendLimited: kind('send-limited', 429, 'Too many codes were sent', 'Too many requests: wait before asking for another code.'),
  rateLimited: kind('rate-limited', 429, 'Too many requests', 'Too many requests: slow down.'),
  internal: kind('internal', 500, 'Something failed on our side', 'The fault was logged under the request id.'),
  unavailable: kind('unavailable', 503, 'Not available at the moment', 'A part of the system did not answer in time. Nothing was lost; retry the same request.')
} as const satisfies Record<string, ProblemKind>

export type ProblemName = keyof typeof problems

export interface ProblemExtensions {
  readonly detail?: string
  readonly faults?: readonly { readonly path: string, readonly message: string }[]
  readonly retry_after?: number
  readonly attempts_left?: number
  readonly challenge_id?: string
  /** What a second proof is asked for. */
  readonly action?: StepUpAction
}

/** An expected refusal. It travels through commands as it is and is rendered once, at the HTTP door. */
export class Problem extends Error {
  readonly kind: ProblemKind
  readonly extensions: ProblemExtensions

  constructor (kind: ProblemKind, extensions: ProblemExtensions = {}) {
    super(extensions.detail ?? kind.detail)
    this.name = 'Problem'
    this.kind = kind
    this.extensions = extensions
  }
}

/** The problem of that slug, for the caller of a command. Undefined when the slug is of a newer version. */
export const problemBySlug = (slug: string): ProblemKind | undefined =>
  Object.values(problems).find((known) => known.slug === slug)

/** As it goes over the wire; `requestId` becomes the instance. */
export const problemDocument = ({ kind: { type, title, status, detail }, extensions }: Problem, requestId?: string): ProblemDocument => ({
  type,
  title,
  status,
  detail,
  ...extensions,
  ...(requestId === undefined ? {} : { instance: `urn:request:${requestId}` })
} as ProblemDocument)
