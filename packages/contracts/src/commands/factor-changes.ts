/**
 * What a user does to his factors beside proving an address. Where he has one already, the command names an answered step-up for exactly
 * this change (`factors.…` of the step-up actions), and otp-service looks it up among its own: the gateway's word changes no factor.
 */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, Code, FactorId, SessionId, Timestamp, UserId } from '../primitives.ts'
import { FactorView } from './factors.ts'
import { LinkToken } from './mailbox.ts'

const asker = { user_id: UserId, session_id: SessionId }
/** Absent where the user has no factor yet. */
const proved = { step_up: Type.Optional(ChallengeId) }

/**
 * What people call their devices: it stands in notices, so one line without control characters or marks that turn the direction of text, and
 * without what mail programs make a link of.
 */
export const FactorName = Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069./:@\\\\]+$', description: 'Name of a factor, chosen by its owner' })
/** 160 bits: RFC 4226 §4 R6. */
export const TotpSecret = Type.String({ pattern: '^[A-Z2-7]{32}$', maxLength: 32, description: 'Secret of an authenticator app, base32 (RFC 4648)' })
export const RecoveryCode = Type.String({ pattern: '^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$', maxLength: 19, description: '80 bits, Crockford base32 in groups of four' })

const answers = { callee: 'otp-service', callers: ['auth-gateway'], deadlineMs: 3_000 } as const

/** The secret counts for nothing before a code of it was shown. */
export const beginTotp = defineCommand({
  ...answers,
  name: 'factors.totp.begin',
  summary: 'Draw a secret for an authenticator app of a user',
  request: Type.Object({ ...asker, ...proved }, { additionalProperties: false }),
  reply: Type.Object({ factor_id: FactorId, secret: TotpSecret, expires_at: Timestamp }, { additionalProperties: false })
})

export const confirmTotp = defineCommand({
  ...answers,
  name: 'factors.totp.confirm',
  summary: 'Add an authenticator app, shown by a code of it to hold the secret',
  request: Type.Object({ ...asker, factor_id: FactorId, code: Code, name: Type.Optional(FactorName) }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView }, { additionalProperties: false })
})

/** They are kept as hashes: whoever loses the reply makes new ones. */
export const makeRecoveryCodes = defineCommand({
  ...answers,
  name: 'factors.recovery_codes.make',
  summary: 'Draw recovery codes for a user; those from before are worth nothing any more',
  request: Type.Object({ ...asker, ...proved }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView, codes: Type.Array(RecoveryCode) }, { additionalProperties: false })
})

export const removeFactor = defineCommand({
  ...answers,
  name: 'factors.remove',
  summary: 'Remove a factor of a user, on the proof of one',
  request: Type.Object({ ...asker, ...proved, factor_id: FactorId }, { additionalProperties: false }),
  reply: Type.Object({ factors_left: Type.Integer({ minimum: 0 }) }, { additionalProperties: false })
})

/** Neither a session nor a factor is asked for: only the mailboxes that were told of the factor have its tokens. */
export const objectToFactor = defineCommand({
  ...answers,
  name: 'factors.object',
  summary: 'Take a new factor away again, by the token of the mail that told of it',
  request: Type.Object({ token: LinkToken }, { additionalProperties: false }),
  reply: Type.Object({
    removed: Type.Boolean({ description: 'false: it was gone already' }),
    factor: Type.Optional(Type.Object({ id: FactorId, user_id: UserId }, { additionalProperties: false, description: 'There when it was removed' }))
  }, { additionalProperties: false })
})

/** A name proves nothing, so it needs no proof. A factor with an address has none: it shows the address. */
export const renameFactor = defineCommand({
  ...answers,
  name: 'factors.rename',
  summary: 'Name a factor anew',
  request: Type.Object({ user_id: UserId, factor_id: FactorId, name: FactorName }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView }, { additionalProperties: false })
})
