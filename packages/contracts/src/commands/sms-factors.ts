/** A telephone number as a factor. Beside other factors it takes an answered step-up that names the number, which otp-service looks up among its own. */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, Code, MaskedAddress, PhoneNumber, SessionId, Timestamp, UserId } from '../primitives.ts'
import { FactorName } from './factor-changes.ts'
import { FactorView } from './factors.ts'
import { AskingPlace } from './places.ts'

const asker = { user_id: UserId, session_id: SessionId }
const answers = { callee: 'otp-service', callers: ['auth-gateway'], deadlineMs: 3_000 } as const

export const beginSms = defineCommand({
  ...answers,
  name: 'factors.sms.begin',
  summary: 'Send a code to a telephone number that a user wants to prove',
  request: Type.Object({ ...asker, phone_number: PhoneNumber, name: Type.Optional(FactorName), place: Type.Optional(AskingPlace), step_up: Type.Optional(ChallengeId) }, { additionalProperties: false }),
  reply: Type.Object({ challenge_id: ChallengeId, sent_to: MaskedAddress, expires_at: Timestamp, attempts_left: Type.Integer({ minimum: 0 }) }, { additionalProperties: false })
})

export const confirmSms = defineCommand({
  ...answers,
  name: 'factors.sms.confirm',
  summary: 'Add a telephone number, proved by the code that went there',
  request: Type.Object({ ...asker, challenge_id: ChallengeId, code: Code }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView }, { additionalProperties: false })
})

/** What `action_digest` of the receipt of an enrolment is the SHA-256 of (UTF-8, 0x hex). @param number E.164 */
export const smsActionPreimage = (userId: string, number: string): string => `countersign/v1|sms_enrol|${userId}|${number}`
