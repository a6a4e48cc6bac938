import { defineJob, type PayloadOf } from '@countersign/contracts'
import { Type } from 'typebox'

/** The job of these tests. */
export const letter = defineJob({
  name: 'letters',
  summary: 'A letter to nobody',
  producer: 'otp-service',
  consumer: 'email-worker',
  payload: Type.Object({ id: Type.String({ maxLength: 32 }), text: Type.String({ maxLength: 32 }) }, { additionalProperties: false }),
  jobId: ({ id }) => id,
  attempts: 3,
  firstRetryMs: 100
})
export type Letter = PayloadOf<typeof letter>
