import { Type, type Static } from 'typebox'
import { defineJob, type Job } from '../job.ts'
import { DeliveryId, EmailAddress, Hash32, RequestId, ShownLine, Timestamp, TransactionId, UserId } from '../primitives.ts'
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
  text: Type.String({ minLength: 1, maxLength: 8_000 }),
  expires_at: Timestamp
})
const MailedLink = Type.Object({ url: Type.String({ pattern: '^https?://[A-Za-z0-9.:/_~-]{1,480}#token=[A-Za-z0-9_-]{43}$', maxLength: 560 }), expires_at: Timestamp }, { additionalProperties: false })
const CodeOfMailbox = { code: Type.String({ pattern: '^[0-9]{6}$' }), expires_at: Timestamp }
const CodeAndLink = {
  ...CodeOfMailbox,
  link: Type.Optional(MailedLink)
}
/** Proofs of a mailbox. The link is otp-service's; its token stands in the fragment, which browsers send to no server. */
export const SignupCodeMail = template('signup_code', CodeAndLink)
export const LoginCodeMail = template('login_code', CodeAndLink)
export const PasswordResetMail = template('password_reset', CodeAndLink)
/** An account asks for this address as a way to sign in: the mail names the account. Only the session that asked may answer, so there is no link. */
export const EmailLinkCodeMail = template('email_link_code', { ...CodeOfMailbox, account: UserId })

/** To the old address, after another one took its place. */
export const FactorChangedMail = template('factor_changed', { masked: Type.String({ maxLength: 254 }), at: Timestamp })
/** To every address that codes of an account go to: an operator takes its factors away at `due_at`, unless somebody answers with one before. */
export const FactorResetAskedMail = template('factor_reset_asked', { account: UserId, at: Timestamp, due_at: Timestamp })
export const FactorResetDoneMail = template('factor_reset_done', { account: UserId, at: Timestamp })
/** A factor beside this address came, which the link takes away again, or went. */
export const FactorAddedMail = template('factor_added', { factor: ShownLine(128), at: Timestamp, link: Type.Optional(MailedLink) })
export const FactorRemovedMail = template('factor_removed', { factor: ShownLine(128), at: Timestamp })
/** The gateway's, where otp-service knew no address to tell: it holds no link, since whoever has stolen the gateway's key could make it lead anywhere. */
export const FirstFactorAddedMail = template('first_factor_added', { factor: ShownLine(128), at: Timestamp })
/** A refresh token was used twice: the session was closed. */
export const SessionClosedMail = template('session_closed', { at: Timestamp })
/** Too many wrong codes: until the lock ends nothing is confirmed by a code, or by this factor where one is named. `until` is absent when no time ends it, which is `closed`, or when the reader's own sessions go on. */
export const FactorLockedMail = template('factor_locked', { at: Timestamp, closed: Type.Boolean(), until: Type.Optional(Timestamp), factor: Type.Optional(ShownLine(160)) })
/** What became of a transaction; `text` is the one that was confirmed. */
export const TransactionConfirmedMail = template('transaction_confirmed', { transaction_id: TransactionId, text: Type.String({ minLength: 1, maxLength: 8_000 }), at: Timestamp, hash: Hash32 })
export const TransactionFailedMail = template('transaction_failed', { transaction_id: TransactionId, text: Type.String({ minLength: 1, maxLength: 8_000 }), at: Timestamp, reason: ShownLine(200) })
/** Somebody signed in from a browser or a program that this account had not used before. */
export const NewDeviceMail = template('new_device', { at: Timestamp, ip: Type.Optional(ShownLine(45)), device: ShownLine(200), method: ShownLine(64) })
export const PasswordChangedMail = template('password_changed', { at: Timestamp })
/** A way to sign in was added or removed. */
export const IdentityLinkedMail = template('identity_linked', { kind: ShownLine(64), masked: ShownLine(254), at: Timestamp })
export const IdentityUnlinkedMail = template('identity_unlinked', { kind: ShownLine(64), masked: ShownLine(254), at: Timestamp })
export const ApiKeyCreatedMail = template('api_key_created', { name: ShownLine(128), last4: Type.String({ pattern: '^[A-Za-z0-9_-]{4}$' }), at: Timestamp })
/** Somebody tried to sign up with the address of an account. */
export const EmailTakenMail = template('email_taken', { at: Timestamp })
/** The account is closed to everybody; what the services hold of it goes next. */
export const AccountDeletingMail = template('account_deleting', { at: Timestamp })
/** Nothing is left of the account but its id. The last mail to it. */
export const AccountDeletedMail = template('account_deleted', { at: Timestamp })
/** An operator's notice: plain text. */
export const BroadcastMail = template('broadcast', {
  message: Type.String({ minLength: 1, maxLength: 2_000, pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]+$' })
})

/** To the operator: a wallet cannot pay for what it was asked to send. */
export const WalletLowMail = template('wallet_low', {
  wallet_id: Type.String({ maxLength: 64 }),
  chain_id: Type.Integer(),
  balance: Type.String({ maxLength: 78 }),
  needed: Type.String({ maxLength: 78 })
})

/** To the operator: what a wallet holds or has sent is not what was asked of it. */
export const WalletAlarmMail = template('wallet_alarm', {
  wallet_id: Type.String({ maxLength: 64 }),
  chain_id: Type.Integer(),
  alarm: Type.String({ pattern: '^[a-z_]{1,64}$' }),
  detail: ShownLine(500)
})

/** To the operator: a chain node cannot be believed, and is not asked any more. */
export const NodeAlarmMail = template('node_alarm', {
  chain_id: Type.Integer(),
  /** From 1, as configured: a URL may hold a provider's key. */
  node: Type.Integer({ minimum: 1 }),
  alarm: Type.String({ pattern: '^[a-z_]{1,64}$' }),
  detail: ShownLine(500)
})

/** What is inside the seal. */
export const MailContent = Type.Union([
  CodeMail, SignupCodeMail, LoginCodeMail, PasswordResetMail, EmailLinkCodeMail, FactorChangedMail, FactorAddedMail, FactorRemovedMail, FactorLockedMail, FactorResetAskedMail, FactorResetDoneMail,
  FirstFactorAddedMail, SessionClosedMail, NewDeviceMail, PasswordChangedMail, IdentityLinkedMail, IdentityUnlinkedMail, ApiKeyCreatedMail, EmailTakenMail, AccountDeletingMail, AccountDeletedMail, TransactionConfirmedMail, TransactionFailedMail, BroadcastMail,
  WalletLowMail, WalletAlarmMail, NodeAlarmMail
])
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
  'mail-otp': ['code', 'signup_code', 'login_code', 'password_reset', 'email_link_code', 'factor_changed', 'factor_added', 'factor_removed', 'factor_locked', 'factor_reset_asked', 'factor_reset_done'],
  'mail-gateway': [
    'session_closed', 'new_device', 'first_factor_added', 'password_changed', 'identity_linked', 'identity_unlinked', 'api_key_created', 'email_taken', 'account_deleting', 'account_deleted',
    'transaction_confirmed', 'transaction_failed', 'broadcast'
  ],
  'mail-signer': ['wallet_low', 'wallet_alarm', 'node_alarm']
})
