import { Type, type Static } from 'typebox'
import { ChallengeId, Hash32, ReceiptId, UserId } from './primitives.ts'
import { ServiceNameSchema } from './services.ts'

/** RFC 7515 `typ` of a receipt, so that no other token of ours can be taken for one (RFC 8725 §3.11). */
export const receiptType = 'countersign-receipt+jwt'

export const FactorKind = Type.Union([Type.Literal('email_code'), Type.Literal('totp'), Type.Literal('recovery_codes'), Type.Literal('passkey'), Type.Literal('sms'), Type.Literal('wallet')])
export type FactorKind = Static<typeof FactorKind>

/** As mails and wallets call them. */
export const factorKindNames: Readonly<Record<FactorKind, string>> = Object.freeze({
  email_code: 'E-mail address', totp: 'Authenticator app', recovery_codes: 'Recovery codes', passkey: 'Passkey', wallet: 'Wallet', sms: 'Telephone number'
})

/** Those that show an action to their owner, outside the gateway's reach: what moves money is confirmed by these, unless a policy says otherwise. */
export const ShownFactorKind = Type.Union([Type.Literal('email_code'), Type.Literal('sms'), Type.Literal('wallet')])
export const shownFactorKinds: readonly FactorKind[] = Object.freeze(['email_code', 'sms', 'wallet'])

export const ChallengePurpose = Type.Union([
  Type.Literal('transaction'),
  Type.Literal('email_enrol'),
  Type.Literal('email_change'),
  Type.Literal('sms_enrol'),
  Type.Literal('account_delete'),
  Type.Literal('step_up'),
  Type.Literal('passkey_sign_in'),
  Type.Literal('earlier_otp')
])
export type ChallengePurpose = Static<typeof ChallengePurpose>

/**
 * What otp-service attests once a challenge was answered. The asker compares every field with its own row
 * and consumes the receipt once; it has no life of its own.
 */
export const ReceiptClaims = Type.Object({
  jti: ReceiptId,
  challenge_id: ChallengeId,
  aud: ServiceNameSchema,
  purpose: ChallengePurpose,
  sub: UserId,
  factor_root: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: '256 random bits made at the first enrolment, base64url' }),
  factor_kind: FactorKind,
  shown: Type.Boolean({ description: 'The action was displayed outside the gateway\'s reach' }),
  factor_age_seconds: Type.Integer({ minimum: 0 }),
  action_digest: Hash32,
  text_sha256: Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64, description: 'SHA-256 of the text shown, UTF-8, hex' }),
  iat: Type.Integer({ minimum: 0, description: 'Seconds since the epoch' })
}, { additionalProperties: false })
export type ReceiptClaims = Static<typeof ReceiptClaims>

/** A `typ` of its own: whoever takes receipts of factors, the signer first of all, refuses this one by its header. */
export const mailboxReceiptType = 'countersign-mailbox-receipt+jwt'

export const MailboxPurpose = Type.Union([
  Type.Literal('signup'),
  Type.Literal('login_email'),
  Type.Literal('password_reset'),
  Type.Literal('email_link')
])
export type MailboxPurpose = Static<typeof MailboxPurpose>

export const MailboxProof = Type.Union([Type.Literal('code'), Type.Literal('link')])
export type MailboxProof = Static<typeof MailboxProof>

/**
 * What otp-service attests once somebody showed that he reads a mailbox. It says nothing of a factor: no root, no kind, no text shown.
 * The gateway compares purpose, challenge and digest with what it asked, and uses it once.
 */
export const MailboxReceiptClaims = Type.Object({
  jti: ReceiptId,
  challenge_id: ChallengeId,
  aud: Type.Literal('auth-gateway'),
  purpose: MailboxPurpose,
  sub: Type.Optional(UserId),
  proved_by: MailboxProof,
  same_opener: Type.Boolean({ description: 'The browser that asked is the one that answered' }),
  action_digest: Hash32,
  iat: Type.Integer({ minimum: 0, description: 'Seconds since the epoch' })
}, { additionalProperties: false })
export type MailboxReceiptClaims = Static<typeof MailboxReceiptClaims>
