/** Factors over HTTP. Each change but a first factor and a name needs a step-up for exactly it, which otp-service checks itself. */
import { Type } from 'typebox'
import { FactorName, RecoveryCode, TotpSecret } from '../commands/factor-changes.ts'
import { FactorView } from '../commands/factors.ts'
import { LinkToken } from '../commands/mailbox.ts'
import { Code, FactorId, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const tag = 'Second proofs'
const Params = Type.Object({ id: FactorId })
const adasApp = { id: ada.factorId, kind: 'totp', label: 'Authenticator app', shown: false, sends: false, proved_at: ada.signedInAt }

export const beginTotpFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/totp',
  operationId: 'beginTotpFactor',
  tag,
  summary: 'Get a secret for an authenticator app',
  description: 'RFC 6238 with SHA-1, 6 digits and 30 seconds. It counts once a code of it was confirmed, within 15 minutes. The secret is shown this once.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.add_totp', resource: [] },
  limit: 'general',
  status: 201,
  reply: Type.Object({
    factor_id: FactorId,
    secret: TotpSecret,
    uri: Type.String({ maxLength: 512, description: 'otpauth://, as authenticator apps read it' }),
    svg: Type.String({ maxLength: 65_536, description: 'The same as a QR code, an SVG image' }),
    expires_at: Timestamp
  }, {
    examples: [{
      factor_id: ada.factorId, secret: ada.totpSecret, uri: `otpauth://totp/Countersign:ada?secret=${ada.totpSecret}&issuer=Countersign&algorithm=SHA1&digits=6&period=30`,
      svg: '<svg xmlns="http://www.w3.org/2000/svg">…</svg>', expires_at: ada.codeEndsAt
    }]
  }),
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'stateConflict', 'rateLimited', 'unavailable']
})

export const confirmTotpFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/totp/confirm',
  operationId: 'confirmTotpFactor',
  tag,
  summary: 'Add the authenticator app by one of its codes',
  caller: 'session',
  limit: 'sign-in',
  body: Type.Object({ factor_id: FactorId, code: Code, name: Type.Optional(FactorName) }, { additionalProperties: false, examples: [{ factor_id: ada.factorId, code: ada.code, name: 'Telephone' }] }),
  status: 200,
  reply: Type.Object({ factor: FactorView }, { examples: [{ factor: { ...adasApp, label: 'Telephone' } }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postRecoveryCodes = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/recovery-codes',
  operationId: 'postRecoveryCodes',
  tag,
  summary: 'Make recovery codes',
  description: 'Ten codes for one use each, shown this once. Those made before are worth nothing from then on. They stand beside another factor, and one of them does not prove this while that is there.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.make_recovery_codes', resource: [] },
  limit: 'general',
  status: 201,
  reply: Type.Object({ factor: FactorView, codes: Type.Array(RecoveryCode) }, {
    examples: [{ factor: { ...adasApp, kind: 'recovery_codes', label: 'Recovery codes', codes_left: 10 }, codes: ada.recoveryCodes }]
  }),
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'factorRequired', 'stateConflict', 'rateLimited', 'unavailable']
})

export const deleteFactor = defineRoute({
  method: 'DELETE',
  path: '/api/v1/me/factors/:id',
  operationId: 'deleteFactor',
  tag,
  summary: 'Remove a factor',
  description: 'The proof is of another factor, or of the last one itself. A factor that shows actions goes only with a proof that showed this one. What is left is told by mail.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.remove', resource: ['params.id'] },
  limit: 'general',
  params: Params,
  status: 204,
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const objectToNewFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/factor-objection',
  operationId: 'objectToNewFactor',
  tag,
  summary: 'Take a new factor away again, by the link of the mail that told of it',
  description: 'For whoever reads an address that was proved before. The link opens a page of the frontend, and nothing happens before this call. It is good once, for FACTOR_OBJECTION_HOURS (48). Until then the new factor adds and removes no other.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({ token: LinkToken }, { additionalProperties: false, examples: [{ token: ada.linkToken }] }),
  status: 200,
  reply: Type.Object({ removed: Type.Boolean({ description: 'false: it was gone already' }) }, { examples: [{ removed: true }] }),
  problems: ['malformedRequest', 'codeRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const updateFactor = defineRoute({
  method: 'PATCH',
  path: '/api/v1/me/factors/:id',
  operationId: 'updateFactor',
  tag,
  summary: 'Name a factor',
  caller: 'session',
  limit: 'general',
  params: Params,
  body: Type.Object({ name: FactorName }, { additionalProperties: false, examples: [{ name: 'Telephone' }] }),
  status: 200,
  reply: Type.Object({ factor: FactorView }, { examples: [{ factor: { ...adasApp, label: 'Telephone' } }] }),
  problems: ['malformedRequest', 'unauthorized', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})
