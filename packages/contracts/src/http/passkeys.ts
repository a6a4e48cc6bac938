/** Passkeys over HTTP: made, shown as a second proof, and signed in with. Options and answers are the JSON of WebAuthn level 3, as browsers read and write it. */
import { Type } from 'typebox'
import { FactorName } from '../commands/factor-changes.ts'
import { FactorView } from '../commands/factors.ts'
import { AssertedCredential, CreatedCredential, CreationOptions, RequestOptions } from '../commands/passkeys.ts'
import { ChallengeId, FactorId, Timestamp } from '../primitives.ts'
import { defineRoute, type Route } from '../route.ts'
import { TokenDelivery, TokenReply } from './auth.ts'
import { ada, adasPasskey } from './examples.ts'
import { StepUpVerified } from './step-ups.ts'

const tag = 'Second proofs'
const Params = Type.Object({ id: ChallengeId })
const adasFactor = { id: ada.factorId, kind: 'passkey', label: 'Laptop', shown: false, sends: false, proved_at: ada.signedInAt, last_used_at: null, backed_up: true }

export const beginPasskeyFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/passkey',
  operationId: 'beginPasskeyFactor',
  tag,
  summary: 'Ask to add a passkey',
  description: 'Give `options` to `PublicKeyCredential.parseCreationOptionsFromJSON` and `navigator.credentials.create`, and what comes of it to `…/confirm`, within 5 minutes. The page is one of the gateway\'s own domain, or of a listed origin.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.add_passkey', resource: [] },
  limit: 'general',
  status: 201,
  reply: Type.Object({ factor_id: FactorId, options: CreationOptions, expires_at: Timestamp }, {
    examples: [{ factor_id: ada.factorId, options: adasPasskey.creation, expires_at: ada.codeEndsAt }]
  }),
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'tooMany', 'rateLimited', 'unavailable']
})

export const confirmPasskeyFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/passkey/confirm',
  operationId: 'confirmPasskeyFactor',
  tag,
  summary: 'Add the passkey that the browser made',
  description: 'From then on it confirms actions, and signs in: it is among the logins of the account too. An account may have several.',
  caller: 'session',
  limit: 'sign-in',
  body: Type.Object({ factor_id: FactorId, credential: CreatedCredential, name: Type.Optional(FactorName) }, {
    additionalProperties: false, examples: [{ factor_id: ada.factorId, credential: adasPasskey.created, name: 'Laptop' }]
  }),
  status: 200,
  reply: Type.Object({ factor: FactorView }, { examples: [{ factor: adasFactor }] }),
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const askPasskeyProof = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/passkey',
  operationId: 'askPasskeyProof',
  tag,
  summary: 'Ask to answer a step-up with a passkey',
  description: 'Give `options` to `PublicKeyCredential.parseRequestOptionsFromJSON` and `navigator.credentials.get`, and what comes of it to `…/verify`.',
  caller: 'session',
  limit: 'general',
  params: Params,
  status: 200,
  reply: Type.Object({ options: RequestOptions, expires_at: Timestamp }, { examples: [{ options: adasPasskey.request, expires_at: ada.codeEndsAt }] }),
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const verifyPasskeyProof = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/passkey/verify',
  operationId: 'verifyPasskeyProof',
  tag,
  summary: 'Answer a step-up with a passkey',
  description: 'The authenticator must have verified its user. Wrong codes of other factors do not keep a passkey from answering, and a passkey that is refused spends no attempt.',
  caller: 'session',
  limit: 'sign-in',
  params: Params,
  body: Type.Object({ credential: AssertedCredential }, { additionalProperties: false, examples: [{ credential: adasPasskey.asserted }] }),
  status: 200,
  reply: StepUpVerified('passkey'),
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const challengePasskey = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/passkey/challenge',
  operationId: 'challengePasskey',
  tag: 'Sign-in',
  summary: 'Ask to sign in with a passkey',
  description: 'Nobody is named: the browser offers the passkeys that it has for this domain.',
  caller: 'anyone',
  limit: 'sign-in',
  status: 200,
  reply: Type.Object({ challenge_id: ChallengeId, options: RequestOptions, expires_at: Timestamp }, {
    examples: [{ challenge_id: ada.challengeId, options: adasPasskey.anyRequest, expires_at: ada.codeEndsAt }]
  }),
  problems: ['rateLimited', 'unavailable']
})

export const signInWithPasskey = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/passkey/verify',
  operationId: 'signInWithPasskey',
  tag: 'Sign-in',
  summary: 'Sign in with a passkey',
  description: 'The challenge is used up by this call, right or wrong. Unknown passkeys, wrong signatures and challenges that are used, expired or unknown answer alike. It makes no account: a passkey is added to one.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: Type.Object({ challenge_id: ChallengeId, credential: AssertedCredential }, { additionalProperties: false, examples: [{ challenge_id: ada.challengeId, credential: adasPasskey.asserted }] }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'proofRejected', 'sessionClosed', 'originRefused', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const passkeyRoutes: readonly Route[] = Object.freeze([beginPasskeyFactor, confirmPasskeyFactor, askPasskeyProof, verifyPasskeyProof, challengePasskey, signInWithPasskey])
