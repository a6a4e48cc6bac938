/** Second proofs over HTTP: asked for, answered, and then shown once to the route that they were asked for. */
import { Type } from 'typebox'
import { FactorCode, FactorView } from '../commands/factors.ts'
import { ChallengeId, FactorId, MaskedAddress, Timestamp } from '../primitives.ts'
import { FactorKind } from '../receipts.ts'
import { defineRoute } from '../route.ts'
import { StepUpAction, stepUpSeconds } from '../step-ups.ts'
import { ada } from './examples.ts'

const adasFactor = { id: ada.factorId, kind: 'email_code', label: ada.maskedEmail, shown: true, sends: true, proved_at: ada.signedUpAt }

/** The id of an answered step-up, in the header of the request that it was asked for. */
export const stepUpHeader = 'step-up'

export const readFactors = defineRoute({
  method: 'GET',
  path: '/api/v1/me/factors',
  operationId: 'readFactors',
  tag: 'Second proofs',
  summary: 'The factors that confirm the actions of this account',
  caller: 'session',
  limit: 'general',
  status: 200,
  reply: Type.Object({ factors: Type.Array(FactorView) }, { examples: [{ factors: [adasFactor] }] }),
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})

export const postStepUp = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups',
  operationId: 'postStepUp',
  tag: 'Second proofs',
  summary: 'Ask for a second proof of one action',
  description: `A route that answers 401 \`step-up-required\` names the action. Choose a factor, send a code where it \`sends\`, answer, then repeat the request with \`Step-Up: <id>\`: it counts once, for ${stepUpSeconds} seconds, for this session and this action.`,
  caller: 'session',
  limit: 'general',
  body: Type.Object({ action: StepUpAction }, { additionalProperties: false, examples: [{ action: { type: 'api_keys.rotate', resource_id: ada.apiKeyId } }] }),
  status: 201,
  reply: Type.Object({ id: ChallengeId, expires_at: Timestamp, attempts_left: Type.Integer({ minimum: 0 }), factors: Type.Array(FactorView) }, {
    examples: [{ id: ada.challengeId, expires_at: ada.codeEndsAt, attempts_left: 3, factors: [adasFactor] }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'factorRequired', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

const Params = Type.Object({ id: ChallengeId })

export const sendStepUpCode = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/send',
  operationId: 'sendStepUpCode',
  tag: 'Second proofs',
  summary: 'Send the code to a factor',
  description: 'The mail or text message shows the action. A new code replaces the one before; the attempts stay.',
  caller: 'session',
  limit: 'general',
  params: Params,
  body: Type.Object({ factor_id: FactorId }, { additionalProperties: false, examples: [{ factor_id: ada.factorId }] }),
  status: 202,
  reply: Type.Object({ sent_to: MaskedAddress, expires_at: Timestamp, attempts_left: Type.Integer({ minimum: 0 }) }, {
    examples: [{ sent_to: ada.maskedEmail, expires_at: ada.codeEndsAt, attempts_left: 3 }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'numberNotServed', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

/** The answer to a right proof, whichever route took it. */
export const StepUpVerified = (example: FactorKind) => Type.Object({ id: ChallengeId, factor_kind: FactorKind, verified_at: Timestamp, usable_until: Timestamp }, {
  examples: [{ id: ada.challengeId, factor_kind: example, verified_at: ada.signedInAt, usable_until: ada.codeEndsAt }]
})

export const verifyStepUpProof = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/verify',
  operationId: 'verifyStepUpProof',
  tag: 'Second proofs',
  summary: 'Answer with a factor',
  caller: 'session',
  limit: 'sign-in',
  params: Params,
  body: Type.Object({ factor_id: FactorId, code: FactorCode }, { additionalProperties: false, examples: [{ factor_id: ada.factorId, code: ada.code }] }),
  status: 200,
  reply: StepUpVerified('email_code'),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})
