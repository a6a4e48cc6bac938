/**
 * Codes of the earlier OTP system, which name a purpose and no action. Nobody can tell from such a code what it would confirm, so it confirms
 * nothing: whoever wants a proof of one action asks for a step-up, or for the confirmation of a transaction.
 */
import { Type } from 'typebox'

/** What the mail says the code is for. */
const words = Object.freeze({
  wallet_funding: 'funding the wallet',
  wallet_deduction: 'a payment from the wallet'
} as const satisfies Record<string, string>)

export type EarlierOtpPurpose = keyof typeof words
export const earlierOtpPurposes = Object.freeze(Object.keys(words) as EarlierOtpPurpose[])
export const EarlierOtpPurposeSchema = Type.Unsafe<EarlierOtpPurpose>({ type: 'string', enum: [...earlierOtpPurposes] })

/** Verifications of one account, right or wrong, in so many seconds. */
export const earlierOtpVerifications = Object.freeze({ max: 3, seconds: 900 })
/** Looks at the status for one account in so many seconds. */
export const earlierOtpLooks = Object.freeze({ max: 10, seconds: 60 })

/** What `action_digest` is the SHA-256 of (UTF-8, 0x hex). */
export const earlierOtpPreimage = (userId: string, sessionId: string, purpose: EarlierOtpPurpose): string =>
  `countersign/v1|earlier_otp|${userId}|${sessionId}|${purpose}`

/** The exact text of the mail. */
export const earlierOtpText = (userId: string, purpose: EarlierOtpPurpose): string => [
  `The code for ${words[purpose]} of the account ${userId}.`,
  '',
  'If you did not ask for it, do not give this code to anybody: somebody else is signed in to your account.'
].join('\n')
