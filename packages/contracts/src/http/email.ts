/** Signing up and in with an e-mail address. What proves a mailbox is otp-service's work; what the proof opens is the gateway's. */
import { Type, type Static, type TSchema } from 'typebox'
import { LinkToken } from '../commands/mailbox.ts'
import { ChallengeId, Code, EmailAddress, MaskedEmail } from '../primitives.ts'
import { MailboxPurpose } from '../receipts.ts'
import { defineRoute } from '../route.ts'
import { TokenDelivery, TokenReply } from './auth.ts'
import { ada, adasTokens } from './examples.ts'
import { IdentityView, Username } from './user-view.ts'

/** What is allowed is told by the answer: the rule is about guessing, not about kinds of characters. */
const Password = Type.String({ minLength: 1, maxLength: 1_024, description: '8 to 128 characters that are not among those tried first' })

/** 256 random bits, or as good as that. The code of a challenge is taken from the browser that shows this, and from no other. */
export const BrowserSecret = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'Keep it in the browser that asked: only who shows it may answer with the code' })

const sent = { challenge_id: ChallengeId, sent_to: MaskedEmail, expires_at: Type.String({ format: 'date-time', maxLength: 30, description: 'Of the code' }) }
const sentExample = { challenge_id: ada.challengeId, sent_to: ada.maskedEmail, expires_at: ada.codeEndsAt }
const openedExample = { ...sentExample, opener: ada.opener }
const SentChallenge = Type.Object({ ...sent, opener: BrowserSecret }, { examples: [openedExample] })

/** Either a link's token, or a code with its challenge. */
const proof = {
  token: Type.Optional(LinkToken),
  challenge_id: Type.Optional(ChallengeId),
  code: Type.Optional(Code),
  opener: Type.Optional(BrowserSecret)
}
const proofExample = { challenge_id: ada.challengeId, code: ada.code, opener: ada.opener }
const addressExample = { id: `email:${ada.email}`, kind: 'email', address: ada.email, verified: true, added_at: ada.signedUpAt }
const strict = <P extends Record<string, TSchema>>(properties: P, example: object) => Type.Object(properties, { additionalProperties: false, examples: [example] })

const SignUpBody = strict({
  email: EmailAddress,
  password: Password,
  username: Username,
  referral_code: Type.Optional(Type.String({ maxLength: 255, description: 'Taken from callers of the earlier system, not used' }))
}, { email: ada.email, password: ada.password, username: ada.username })

export const signUpWithEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/signup',
  operationId: 'signUpWithEmail',
  tag: 'Sign-in',
  summary: 'Open an account with an e-mail address and a password',
  description: 'The address gets a code and a link to prove it with; until then it belongs to whoever proves the mailbox first. With `SIGNUP_MODE=verified` this answers 202 with `challenge_id`, `opener`, `sent_to` and `expires_at`, alike for every address, and the account comes to be when the address is proved.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: SignUpBody,
  status: 201,
  reply: Type.Object({
    ...TokenReply.properties,
    verification: Type.Optional(SentChallenge)
  }, { examples: [{ ...adasTokens, user: { ...adasTokens.user, email: null, identities: [{ ...addressExample, verified: false }] }, verification: openedExample }] }),
  problems: ['malformedRequest', 'emailRegistered', 'originRefused', 'usernameTaken', 'schemaViolation', 'sendLimited', 'rateLimited', 'unavailable']
})

/** The same door with `SIGNUP_MODE=verified`. */
export const askToSignUp = defineRoute({
  ...signUpWithEmail,
  status: 202,
  reply: SentChallenge,
  problems: ['malformedRequest', 'usernameTaken', 'schemaViolation', 'sendLimited', 'rateLimited', 'unavailable']
})

export const logInWithEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/login',
  operationId: 'logInWithEmail',
  tag: 'Sign-in',
  summary: 'Sign in with an e-mail address and its password',
  description: 'An unknown address and a wrong password answer alike. Too many wrong passwords close this door alone for a while: a mailed code, a wallet or a passkey still opens the account.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: strict({ email: EmailAddress, password: Password }, { email: ada.email, password: ada.password }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'credentialsRejected', 'accountDeleting', 'sessionClosed', 'originRefused', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

/** Whoever knew the old password may have made some of them. */
const RevokeKeys = Type.Optional(Type.Boolean({ description: 'End every API key of the account too; `false` when absent' }))

export const changePassword = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/change-password',
  operationId: 'changePassword',
  tag: 'Account',
  summary: 'Change the password',
  description: 'Every other session ends, and whatever was mailed before (codes, reset links) answers nothing any more. With `revoke_api_keys` the API keys of the account end too.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'password.change', resource: [] },
  limit: 'sign-in',
  body: strict({ old_password: Password, new_password: Password, revoke_api_keys: RevokeKeys }, { old_password: ada.password, new_password: ada.nextPassword }),
  status: 200,
  reply: Type.Object({ message: Type.String() }, { examples: [{ message: 'Password changed' }] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'credentialsRejected', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const verifyEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/verify',
  operationId: 'verifyEmail',
  tag: 'Sign-in',
  summary: 'Prove the address of a sign-up',
  description: 'With `token` from the mailed link, or with `challenge_id` and `code`. It counts for the account that signed up when its access token or the `opener` of the sign-up is shown. Without either it is somebody else who reads this mailbox: then the address, its password, sessions and keys are cut from that account and the address gets an account of its own (`account`: `new`). `session` is there when the account came to be by this call, in the browser that asked for it.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict(proof, proofExample),
  status: 200,
  reply: Type.Object({
    email: EmailAddress,
    verified: Type.Literal(true),
    account: Type.Unsafe<'kept' | 'new'>({ type: 'string', enum: ['kept', 'new'] }),
    session: Type.Optional(TokenReply)
  }, { examples: [{ email: ada.email, verified: true, account: 'kept' }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'accountDeleting', 'originRefused', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const resendEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/resend',
  operationId: 'resendEmail',
  tag: 'Sign-in',
  summary: 'Mail a new code and link for a challenge, or for the own unproved address',
  description: 'The code and link sent before die, the attempts stay. With an access token and no `challenge_id` the unproved address of that account gets a new challenge.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ challenge_id: Type.Optional(ChallengeId), opener: Type.Optional(BrowserSecret), purpose: Type.Optional(MailboxPurpose) }, { challenge_id: ada.challengeId, opener: ada.opener }),
  status: 202,
  reply: Type.Object({ ...sent, opener: Type.Optional(BrowserSecret) }, { examples: [sentExample] }),
  problems: ['malformedRequest', 'unauthorized', 'originRefused', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const requestPasswordReset = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/password-reset/request',
  operationId: 'requestPasswordReset',
  tag: 'Sign-in',
  summary: 'Mail a link and a code to set a new password with',
  description: 'Answers alike whether the address is known or not.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ email: EmailAddress }, { email: ada.email }),
  status: 202,
  reply: Type.Object({ ...SentChallenge.properties, message: Type.String() }, { examples: [{ ...openedExample, message: 'If an account has this address, a mail is on its way' }] }),
  problems: ['malformedRequest', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const confirmPasswordReset = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/password-reset/confirm',
  operationId: 'confirmPasswordReset',
  tag: 'Sign-in',
  summary: 'Set a new password with the mailed link or code',
  description: 'With `token`, or with `challenge_id`, `opener` and `code`. Ends every session of the account, and with `revoke_api_keys` its API keys. Where the address was never proved this proves it: see `verifyEmail` for what becomes of the account that had it.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ ...proof, new_password: Password, revoke_api_keys: RevokeKeys }, { ...proofExample, new_password: ada.nextPassword }),
  status: 200,
  reply: Type.Object({ message: Type.String() }, { examples: [{ message: 'Password set. Sign in with it.' }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'accountDeleting', 'originRefused', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const requestEmailCode = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/code',
  operationId: 'requestEmailCode',
  tag: 'Sign-in',
  summary: 'Mail a code to sign in with',
  description: 'Answers alike whether the address is known or not: an unknown one gets an account when the code is right.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ email: EmailAddress }, { email: ada.email }),
  status: 202,
  reply: SentChallenge,
  problems: ['malformedRequest', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const verifyEmailCode = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/code/verify',
  operationId: 'verifyEmailCode',
  tag: 'Sign-in',
  summary: 'Sign in with a mailed code',
  description: 'The first sign-in makes the account. An address that some account has but never proved is cut from it, see `verifyEmail`, unless an access token of that account is shown.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: strict({ challenge_id: ChallengeId, opener: BrowserSecret, code: Code, username: Type.Optional(Username) }, proofExample),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'accountDeleting', 'sessionClosed', 'originRefused', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const linkEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/link',
  operationId: 'linkEmail',
  tag: 'Account',
  summary: 'Ask to sign in to this account with an e-mail address too',
  description: 'The address gets a code; nothing is linked before it is proved. Answers alike whether the address is known or not.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'identities.link', resource: ['body.email'] },
  limit: 'sign-in',
  body: strict({ email: EmailAddress, password: Password }, { email: ada.email, password: ada.password }),
  status: 202,
  reply: Type.Object(sent, { examples: [sentExample] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const confirmEmailLink = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/email/link/confirm',
  operationId: 'confirmEmailLink',
  tag: 'Account',
  summary: 'Link the address with its code',
  description: 'An address that another account has proved is refused: nothing is merged. One that another account never proved is cut from it, see `verifyEmail`.',
  caller: 'session',
  limit: 'sign-in',
  body: strict({ challenge_id: ChallengeId, code: Code }, { challenge_id: ada.challengeId, code: ada.code }),
  status: 200,
  reply: Type.Object({ message: Type.String(), identity: IdentityView }, { examples: [{ message: 'Address linked', identity: addressExample }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'identityTaken', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const emailRoutes = [
  signUpWithEmail, logInWithEmail, changePassword, verifyEmail, resendEmail, requestPasswordReset, confirmPasswordReset,
  requestEmailCode, verifyEmailCode, linkEmail, confirmEmailLink
] as const

/** Of an earlier system; not under `/api/v1`. */
export const requestVerification = defineRoute({
  method: 'POST',
  path: '/v1/auth/request-verification',
  operationId: 'requestVerification',
  tag: 'Earlier systems',
  summary: 'Mail a code to sign in with',
  description: 'Use `/api/v1/auth/email/code`, whose code answers to one browser: this one answers to the client address that asked.',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ identifier: EmailAddress }, { identifier: ada.email }),
  status: 200,
  reply: Type.Object({ success: Type.Literal(true), message: Type.String() }, { examples: [{ success: true, message: 'Verification code sent' }] }),
  problems: ['malformedRequest', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const submitVerification = defineRoute({
  method: 'POST',
  path: '/v1/auth/submit-verification',
  operationId: 'submitVerification',
  tag: 'Earlier systems',
  summary: 'Sign in with the code that this client address asked for last',
  caller: 'anyone',
  limit: 'sign-in',
  body: strict({ identifier: EmailAddress, code: Code }, { identifier: ada.email, code: ada.code }),
  status: 200,
  reply: Type.Object({ success: Type.Literal(true), token: Type.String({ description: 'Access token' }), expires_in: Type.Integer({ description: 'Seconds' }), refresh_token: Type.Optional(Type.String()) }, {
    examples: [{ success: true, token: ada.accessToken, expires_in: 900, refresh_token: ada.refreshToken }]
  }),
  problems: ['malformedRequest', 'codeRejected', 'accountDeleting', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const earlierEmailRoutes = [requestVerification, submitVerification] as const

export type SentChallenge = Static<typeof SentChallenge>
