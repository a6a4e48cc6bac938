/** What a code of the earlier OTP system is for: its digest also says which purpose a stored challenge has. */
import { createHash } from 'node:crypto'
import { earlierOtpPreimage, earlierOtpPurposes, earlierOtpText, type EarlierOtpPurpose } from '@countersign/contracts'
import type { Action } from '../factors/enrolment.ts'

export const earlierOtpChallenge = 'earlier_otp'

export const earlierOtpAction = (userId: string, sessionId: string, purpose: EarlierOtpPurpose): Action => ({
  digest: `0x${createHash('sha256').update(earlierOtpPreimage(userId, sessionId, purpose)).digest('hex')}`,
  text: earlierOtpText(userId, purpose)
})

/** Undefined for a challenge that is none of these. */
export const purposeOf = ({ userId, sessionId, actionDigest }: { readonly userId: string, readonly sessionId: string, readonly actionDigest: string }): EarlierOtpPurpose | undefined =>
  earlierOtpPurposes.find((purpose) => earlierOtpAction(userId, sessionId, purpose).digest === actionDigest)
