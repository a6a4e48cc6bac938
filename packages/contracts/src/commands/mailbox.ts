/**
 * Proofs of a mailbox for the gateway's own doors: signing up, signing in, resetting a password, linking an address. They are asked for
 * by people who may have no account and no session, and confirm nothing but that somebody reads this mailbox: they never become factors.
 */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, Code, EmailAddress, MaskedEmail, SessionId, UserId } from '../primitives.ts'
import { MailboxPurpose } from '../receipts.ts'
import { AskingPlace } from './places.ts'

/**
 * SHA-256 of a secret that only the asking browser holds, or of a session's id, in base64url without padding. A code answers only to the
 * opener of its challenge. A browser that keeps one secret is known again after it answered rightly once, and is then not locked out by
 * the wrong codes of others.
 */
export const Opener = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'SHA-256 of the browser-held secret or of the session id, base64url' })

/** 256 random bits; anything of its alphabet passes here, so that a cut or changed one is refused like a used one. */
export const LinkToken = Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$', maxLength: 128, description: 'From the fragment of a mailed link' })

/** Scheme, host, port and path: no credentials, no query, no fragment, nothing that a mail program could read in two ways. */
export const LinkBase = Type.String({
  pattern: '^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$',
  maxLength: 480,
  description: 'Absolute URL from the gateway\'s configuration; the mail holds <link_base>#token=<token>, a fragment, which no server sees'
})

/** How long a mailed link is good, in seconds; a code of the same challenge ends after OTP_TTL_SECONDS. No link proves an address that somebody else typed into his own account. */
export const mailboxLinkSeconds = Object.freeze({ signup: 86_400, login_email: 900, password_reset: 1_800, email_link: 0 } satisfies Record<MailboxPurpose, number>)

const SentToMailbox = Type.Object({
  challenge_id: ChallengeId,
  sent_to: MaskedEmail,
  expires_at: Type.String({ format: 'date-time', maxLength: 30, description: 'Of the code' }),
  attempts_left: Type.Integer({ minimum: 0 })
}, { additionalProperties: false })

/**
 * A code, and with `link_base` a link, to the address that somebody typed in. `deliver: false` is for an address that must get nothing
 * (no such account): same work, same reply, same limits, no mail, and no answer to it is ever right.
 */
export const beginMailbox = defineCommand({
  name: 'mailboxes.challenge',
  summary: 'Mail a code, and a link where one is wanted, to an address that is to be proved for one purpose',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    purpose: MailboxPurpose,
    user_id: Type.Union([UserId, Type.Null()], { description: 'null: no account yet' }),
    email: EmailAddress,
    opener: Opener,
    session_id: Type.Optional(SessionId),
    deliver: Type.Boolean(),
    place: Type.Optional(AskingPlace),
    link_base: Type.Optional(LinkBase)
  }, { additionalProperties: false }),
  reply: SentToMailbox
})

/** Kills the code and the link sent before; the attempts stay. Refused as not found for another opener. */
export const resendMailbox = defineCommand({
  name: 'mailboxes.resend',
  summary: 'Mail a new code and link for a mailbox challenge; the attempts stay what they are',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ challenge_id: ChallengeId, purpose: MailboxPurpose, opener: Opener, place: Type.Optional(AskingPlace) }, { additionalProperties: false }),
  reply: SentToMailbox
})

/**
 * Code and link of one challenge consume it once between them. A link is answered in whatever browser it was opened in; `same_opener` of the
 * receipt says whether that is the one that asked, and only then is what that browser chose before (a password at signup) its owner's choice.
 */
export const answerMailbox = defineCommand({
  name: 'mailboxes.answer',
  summary: 'Spend a code or a link of a mailbox challenge; the right one is answered with a receipt',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    purpose: MailboxPurpose,
    proof: Type.Union([
      Type.Object({ challenge_id: ChallengeId, opener: Opener, code: Code }, { additionalProperties: false }),
      Type.Object({ link_token: LinkToken, opener: Type.Optional(Opener) }, { additionalProperties: false })
    ])
  }, { additionalProperties: false }),
  reply: Type.Object({
    receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see mailbox receipts' }),
    challenge_id: ChallengeId,
    user_id: Type.Union([UserId, Type.Null()]),
    email: EmailAddress
  }, { additionalProperties: false })
})

/** After a password change, an unlinked address, a closed account: whatever was mailed before answers nothing any more. */
export const cancelMailbox = defineCommand({
  name: 'mailboxes.cancel',
  summary: 'Cancel every pending mailbox challenge of a user, of an address, or of both',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ user_id: Type.Optional(UserId), email: Type.Optional(EmailAddress) }, { additionalProperties: false, minProperties: 1 }),
  reply: Type.Object({ cancelled: Type.Integer({ minimum: 0 }) }, { additionalProperties: false })
})

/**
 * What `action_digest` of a mailbox receipt is the SHA-256 of (UTF-8, 0x hex).
 * @param addressNormalised the address in lower case.
 */
export const mailboxActionPreimage = (purpose: MailboxPurpose, userId: string | null, addressNormalised: string): string =>
  `countersign/v1|${purpose}|${userId ?? '-'}|${addressNormalised}`
