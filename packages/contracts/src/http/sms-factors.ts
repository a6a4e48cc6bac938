/** A telephone number as a factor, over HTTP. */
import { Type } from 'typebox'
import { FactorName } from '../commands/factor-changes.ts'
import { FactorView } from '../commands/factors.ts'
import { ChallengeId, Code, MaskedAddress, PhoneNumber, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const tag = 'Second proofs'

export const beginSmsFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/sms',
  operationId: 'beginSmsFactor',
  tag,
  summary: 'Send a code to a telephone number',
  description: 'The number counts once the code was confirmed. Numbers of countries that are not on this service\'s list (SMS_COUNTRIES) are refused with `number-not-served`, all of them where the list is empty.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.add_sms', resource: ['body.phone_number'] },
  limit: 'sign-in',
  body: Type.Object({ phone_number: PhoneNumber, name: Type.Optional(FactorName) }, { additionalProperties: false, examples: [{ phone_number: ada.phoneNumber, name: 'Telephone' }] }),
  status: 202,
  reply: Type.Object({ challenge_id: ChallengeId, sent_to: MaskedAddress, expires_at: Timestamp, attempts_left: Type.Integer({ minimum: 0 }) }, {
    examples: [{ challenge_id: ada.challengeId, sent_to: ada.maskedNumber, expires_at: ada.codeEndsAt, attempts_left: 3 }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'numberNotServed', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const confirmSmsFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/sms/confirm',
  operationId: 'confirmSmsFactor',
  tag,
  summary: 'Add the telephone number by its code',
  caller: 'session',
  limit: 'sign-in',
  body: Type.Object({ challenge_id: ChallengeId, code: Code }, { additionalProperties: false, examples: [{ challenge_id: ada.challengeId, code: ada.code }] }),
  status: 200,
  reply: Type.Object({ factor: FactorView }, { examples: [{ factor: { id: ada.factorId, kind: 'sms', label: `Telephone, ${ada.maskedNumber}`, shown: true, sends: true, proved_at: ada.signedInAt } }] }),
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})
