/** One-time codes under the paths of the earlier OTP system. Fields that are not named are passed over. */
import { Type } from 'typebox'
import { EarlierOtpPurposeSchema, earlierOtpLooks, earlierOtpVerifications } from '../earlier-otp.ts'
import { ChallengeId, Code, EmailAddress, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const earlier = { tag: 'Earlier systems', caller: 'session', refusals: 'message', status: 200 } as const
const success = Type.Literal(true)

export const sendWalletOtp = defineRoute({
  ...earlier,
  method: 'POST',
  path: '/api/wallet/otp/send',
  operationId: 'sendWalletOtp',
  summary: 'Mail a code to the account\'s proved address',
  description: 'A code of these paths confirms nothing: use `/api/v1/step-ups`, or the confirmation of a transaction. `email` must be the proved address, and no other address ever gets a code. While a code of this session and purpose is good there is no second one.',
  limit: 'general',
  body: Type.Object({ purpose: EarlierOtpPurposeSchema, email: EmailAddress }, { examples: [{ purpose: 'wallet_funding', email: ada.email }] }),
  reply: Type.Object({
    success, message: Type.String(), expiresIn: Type.Integer({ description: 'Seconds' }), otpId: ChallengeId, transactionReference: Type.String({ description: 'The same as `otpId`' })
  }, { examples: [{ success: true, message: 'OTP sent', expiresIn: 300, otpId: ada.challengeId, transactionReference: ada.challengeId }] }),
  problems: ['malformedRequest', 'addressMismatch', 'unauthorized', 'factorRequired', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const readWalletOtp = defineRoute({
  ...earlier,
  method: 'GET',
  path: '/api/wallet/otp/status',
  operationId: 'readWalletOtp',
  summary: 'Whether a code is there, and good',
  description: `Of the newest code of this session; ${earlierOtpLooks.max} times in ${earlierOtpLooks.seconds} seconds. \`isLocked\` says that the factor is locked.`,
  limit: 'general',
  query: Type.Object({ purpose: EarlierOtpPurposeSchema }),
  reply: Type.Object({
    success, purpose: EarlierOtpPurposeSchema, exists: Type.Boolean(), isValid: Type.Boolean(), isLocked: Type.Boolean(), attempts: Type.Integer(), maxAttempts: Type.Integer(),
    expiresAt: Type.Union([Timestamp, Type.Null()]), expiresIn: Type.Integer({ description: 'Seconds' })
  }, {
    examples: [{ success: true, purpose: 'wallet_funding', exists: true, isValid: true, isLocked: false, attempts: 0, maxAttempts: 3, expiresAt: ada.codeEndsAt, expiresIn: 240 }]
  }),
  problems: ['unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const verifyWalletOtp = defineRoute({
  ...earlier,
  method: 'POST',
  path: '/api/wallet/verify-otp',
  operationId: 'verifyWalletOtp',
  summary: 'Answer with the code',
  description: `\`transaction_reference\` is what \`send\` answered; any other word is the caller's own and means the newest code of this session. ${earlierOtpVerifications.max} verifications, right or wrong, in ${earlierOtpVerifications.seconds / 60} minutes. A right one confirms nothing else.`,
  limit: 'sign-in',
  body: Type.Object({ otp: Code, transaction_reference: Type.String({ pattern: '^[A-Za-z0-9_-]{5,100}$', maxLength: 100 }) }, { examples: [{ otp: ada.code, transaction_reference: ada.challengeId }] }),
  reply: Type.Object({ success, message: Type.String(), otpId: ChallengeId, purpose: EarlierOtpPurposeSchema }, {
    examples: [{ success: true, message: 'OTP verified', otpId: ada.challengeId, purpose: 'wallet_funding' }]
  }),
  problems: ['malformedRequest', 'otpRejected', 'unauthorized', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const verifyWalletOtpToo = defineRoute({
  ...verifyWalletOtp,
  path: '/api/wallet/otp/verify',
  operationId: 'verifyWalletOtpToo',
  summary: 'Answer with the code, by its other path'
})

export const earlierOtpRoutes = [sendWalletOtp, readWalletOtp, verifyWalletOtp, verifyWalletOtpToo] as const
