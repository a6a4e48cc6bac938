/** Codes for the paths of the earlier OTP system. They go to the account's proved address, and no receipt of one leaves otp-service. */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { EarlierOtpPurposeSchema } from '../earlier-otp.ts'
import { ChallengeId, Code, EmailAddress, SessionId, Timestamp, UserId } from '../primitives.ts'

const asker = { user_id: UserId, session_id: SessionId }
const gatewayAlone = { callee: 'otp-service', callers: ['auth-gateway'], deadlineMs: 3_000 } as const

/** One code at a time for a session and a purpose. The address is compared with the account's own, never sent to. */
export const sendEarlierOtp = defineCommand({
  ...gatewayAlone,
  name: 'earlier_otp.send',
  summary: 'Mail a code of the earlier OTP system to the account\'s proved address',
  request: Type.Object({ ...asker, purpose: EarlierOtpPurposeSchema, email: EmailAddress }, { additionalProperties: false }),
  reply: Type.Object({ challenge_id: ChallengeId, expires_in: Type.Integer({ minimum: 0, description: 'Seconds' }) }, { additionalProperties: false })
})

/** Of the newest code of this session for that purpose. */
export const earlierOtpStatus = defineCommand({
  ...gatewayAlone,
  name: 'earlier_otp.status',
  summary: 'Whether a code of the earlier OTP system is there, and good',
  request: Type.Object({ ...asker, purpose: EarlierOtpPurposeSchema }, { additionalProperties: false }),
  reply: Type.Object({
    exists: Type.Boolean({ description: 'A code was sent and has not been answered rightly' }),
    is_valid: Type.Boolean({ description: 'It would be compared now' }),
    is_locked: Type.Boolean({ description: 'The factor is locked' }),
    attempts: Type.Integer({ minimum: 0 }),
    max_attempts: Type.Integer({ minimum: 0 }),
    expires_at: Type.Union([Timestamp, Type.Null()]),
    expires_in: Type.Integer({ minimum: 0, description: 'Seconds' })
  }, { additionalProperties: false })
})

export const verifyEarlierOtp = defineCommand({
  ...gatewayAlone,
  name: 'earlier_otp.verify',
  summary: 'Spend one attempt on a code of the earlier OTP system; a right one confirms nothing else',
  request: Type.Object({ ...asker, challenge_id: Type.Optional(ChallengeId), code: Code }, { additionalProperties: false, description: 'Without a challenge: the newest code of the session' }),
  reply: Type.Object({ challenge_id: ChallengeId, purpose: EarlierOtpPurposeSchema }, { additionalProperties: false })
})
