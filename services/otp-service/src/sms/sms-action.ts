/** What the code of a telephone number confirms. */
import { smsActionPreimage } from '@countersign/contracts'
import { actionDigest } from '@countersign/secrets'
import type { Action } from '../factors/enrolment.ts'

export const smsEnrolPurpose = 'sms_enrol'

/** A person who never asked must see what a stranger could do with the code. */
export const smsAction = (userId: string, number: string): Action => ({ digest: actionDigest(smsActionPreimage(userId, number)), text: `Add this number to the account ${userId}` })
