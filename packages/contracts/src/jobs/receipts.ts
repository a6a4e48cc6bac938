import { Type } from 'typebox'
import { defineJob } from '../job.ts'
import { ChallengeId, ReceiptId, RequestId } from '../primitives.ts'

/** The same receipt as in the reply to `challenges.verify`: the asker takes whichever arrives first. */
export const receiptForSigner = defineJob({
  name: 'receipts-signer',
  summary: 'A receipt for the signer, in case the reply to the command was lost',
  producer: 'otp-service',
  consumer: 'signer-service',
  payload: Type.Object({
    receipt_id: ReceiptId,
    challenge_id: ChallengeId,
    request_id: RequestId,
    receipt: Type.String({ maxLength: 4_096 })
  }, { additionalProperties: false }),
  jobId: ({ receipt_id }) => receipt_id,
  attempts: 20,
  firstRetryMs: 500
})
