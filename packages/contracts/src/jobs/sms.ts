import { Type, type Static } from 'typebox'
import { defineJob } from '../job.ts'
import { Code, PhoneNumber, Timestamp } from '../primitives.ts'
import { MailPayload } from './mail.ts'

/** Inside the seal: a code, and in one line exactly the action that it confirms. There is no room for more, and never a link. */
export const SmsContent = Type.Object({
  template: Type.Literal('code'),
  to: PhoneNumber,
  parameters: Type.Object({
    code: Code,
    text: Type.String({ minLength: 1, maxLength: 600, pattern: '^[ -~]+$', description: 'Printable ASCII, most of which a text message carries in seven bits' }),
    expires_at: Timestamp
  }, { additionalProperties: false })
}, { additionalProperties: false })
export type SmsContent = Static<typeof SmsContent>

/** A text message of a producer, sealed as its mails are and with the same key; the queue's name in the seal keeps them apart. */
export const smsFromOtp = defineJob({
  name: 'sms-otp',
  summary: 'One text message of otp-service, sealed',
  producer: 'otp-service',
  consumer: 'email-worker',
  payload: MailPayload,
  jobId: ({ delivery_id }) => delivery_id,
  // A text ends with its code, a quarter of an hour after it was written at the latest: 100 of these waits last longer, even the shortest.
  attempts: 100,
  firstRetryMs: 1_000,
  longestRetryMs: 30_000
})
