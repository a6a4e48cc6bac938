import { Type } from 'typebox'
import { ChallengeId, Code, EmailAddress, MaskedEmail, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'
import { UserView } from './user-view.ts'

export const readMe = defineRoute({
  method: 'GET',
  path: '/api/v1/me',
  operationId: 'readMe',
  tag: 'Account',
  summary: 'The signed-in user',
  caller: 'session',
  scope: 'profile:read',
  limit: 'general',
  status: 200,
  reply: UserView,
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})

const SentCode = { challenge_id: ChallengeId, sent_to: MaskedEmail, expires_at: Timestamp }
const sentCode = { challenge_id: ada.challengeId, sent_to: ada.maskedEmail, expires_at: ada.codeEndsAt }

export const beginEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/me/email',
  operationId: 'beginEmail',
  tag: 'Account',
  summary: 'Send a code to an address to prove it',
  description: 'When an address is proved already, a second code goes to that one (`existing_factor`): confirming needs both. A user whose factors are all without an address needs a step-up for `factors.add_email`.',
  caller: 'session',
  fresh: 'first-factor',
  limit: 'general',
  body: Type.Object({ email: EmailAddress }, { additionalProperties: false, examples: [{ email: ada.email }] }),
  status: 202,
  reply: Type.Object({ ...SentCode, existing_factor: Type.Optional(Type.Object(SentCode)) }, { examples: [sentCode] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const confirmEmail = defineRoute({
  method: 'POST',
  path: '/api/v1/me/email/confirm',
  operationId: 'confirmEmail',
  tag: 'Account',
  summary: 'Prove the address with its code',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ challenge_id: ChallengeId, code: Code, existing_code: Type.Optional(Code) }, { additionalProperties: false, examples: [{ challenge_id: ada.challengeId, code: ada.code }] }),
  status: 200,
  reply: Type.Object({ email: EmailAddress, proved_at: Timestamp }, { examples: [{ email: ada.email, proved_at: ada.signedInAt }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})
