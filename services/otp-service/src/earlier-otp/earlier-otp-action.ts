/** What a code of the earlier OTP system is for: its digest also says which purpose a stored challenge has. */
import { earlierOtpPreimage, earlierOtpPurposes, earlierOtpText, type EarlierOtpPurpose } from '@countersign/contracts'
import { actionDigest } from '@countersign/secrets'
import type { Action } from '../factors/enrolment.ts'

export const earlierOtpChallenge = 'earlier_otp'

export const earlierOtpAction = (userId: string, sessionId: string, purpose: EarlierOtpPurpose): Action => ({
  digest: actionDigest(earlierOtpPreimage(userId, sessionId, purpose)),
  text: earlierOtpText(userId, purpose)
})

/** Undefined for a challenge that is none of these. */
export const purposeOf = ({ userId, sessionId, actionDigest }: { readonly userId: string, readonly sessionId: string, readonly actionDigest: string }): EarlierOtpPurpose | undefined =>
  earlierOtpPurposes.find((purpose) => earlierOtpAction(userId, sessionId, purpose).digest === actionDigest)
