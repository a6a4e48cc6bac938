import { Type, type Static } from 'typebox'
import { defineJob, type Job } from '../job.ts'
import { DeliveryId, EmailAddress, RequestId, Timestamp } from '../primitives.ts'
import type { ServiceName } from '../services.ts'

/**
 * Redis keeps job data readable, so recipient, template and parameters travel sealed together
 * (AES-256-GCM) under a key that only this producer and the email-worker hold.
 */
export const MailPayload = Type.Object({
  delivery_id: DeliveryId,
  useful_until: Timestamp,
  request_id: RequestId,
  sealed: Type.String({ minLength: 1, maxLength: 16_384, pattern: '^[A-Za-z0-9_.-]+$' })
}, { additionalProperties: false })
export type MailPayload = Static<typeof MailPayload>

/** Associated data of the seal: a sealed mail moved to another queue, job or expiry does not open. */
export const mailSealContext = (queue: string, payload: Pick<MailPayload, 'delivery_id' | 'useful_until'>): string =>
  `${queue}|${payload.delivery_id}|${payload.useful_until}`

const template = <Name extends string, P extends Parameters<typeof Type.Object>[0]>(name: Name, parameters: P) => Type.Object({
  template: Type.Literal(name),
  to: EmailAddress,
  parameters: Type.Object(parameters, { additionalProperties: false })
}, { additionalProperties: false })

/** A code and exactly the action that it confirms. */
export const CodeMail = template('code', {
  code: Type.String({ pattern: '^[0-9]{6}$' }),
  text: Type.String({ minLength: 1, maxLength: 2_000 }),
  expires_at: Timestamp
})
/** To the old address, after another one took its place. */
export const FactorChangedMail = template('factor_changed', { masked: Type.String({ maxLength: 254 }), at: Timestamp })
/** A refresh token was used twice: the session was closed. */
export const SessionClosedMail = template('session_closed', { at: Timestamp })
/** To the operator: a wallet cannot pay for what it was asked to send. */
export const WalletLowMail = template('wallet_low', {
  wallet_id: Type.String({ maxLength: 64 }),
  chain_id: Type.Integer(),
  balance: Type.String({ maxLength: 78 }),
  needed: Type.String({ maxLength: 78 })
})

/** What is inside the seal. */
export const MailContent = Type.Union([CodeMail, FactorChangedMail, SessionClosedMail, WalletLowMail])
export type MailContent = Static<typeof MailContent>
export type MailTemplate = MailContent['template']

const mailJob = (name: string, producer: ServiceName): Job<typeof MailPayload> => defineJob({
  name,
  summary: `One mail of ${producer}, sealed`,
  producer,
  consumer: 'email-worker',
  payload: MailPayload,
  jobId: ({ delivery_id }) => delivery_id,
  // While a mail server is away a mail ends with its usefulness, at the latest a day after it was written, not with its attempts:
  // 600 of them last for longer than a day even if every wait is the shortest.
  attempts: 600,
  firstRetryMs: 1_000,
  longestRetryMs: 300_000
})

export const mailFromOtp = mailJob('mail-otp', 'otp-service')
export const mailFromGateway = mailJob('mail-gateway', 'auth-gateway')
export const mailFromSigner = mailJob('mail-signer', 'signer-service')

/** Which templates a producer's key may open: a stolen gateway key sends no codes. */
export const templatesOf: Readonly<Record<string, readonly MailTemplate[]>> = Object.freeze({
  'mail-otp': ['code', 'factor_changed'],
  'mail-gateway': ['session_closed'],
  'mail-signer': ['wallet_low']
})
