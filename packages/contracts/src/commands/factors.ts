import { Type, type Static } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChainId, ChallengeId, Code, EmailAddress, FactorId, MaskedEmail, SessionId, Timestamp, UserId } from '../primitives.ts'
import { FactorKind } from '../receipts.ts'
import { WalletFamilySchema } from '../wallet-accounts.ts'
import { AskingPlace } from './places.ts'

const SentCode = Type.Object({
  challenge_id: ChallengeId,
  sent_to: MaskedEmail,
  expires_at: Timestamp
})

/** Mail addresses and numbers of people stay with otp-service; the address of a wallet is public, and whole. */
export const MaskedFactor = Type.Object({ factor_id: FactorId, kind: FactorKind, masked: MaskedEmail, proved_at: Timestamp })
export type MaskedFactor = Static<typeof MaskedFactor>

/** Sends a code to a new address. With a factor already enrolled, a second code goes to the old address: both are needed. */
export const beginEmailFactor = defineCommand({
  name: 'factors.email.begin',
  summary: 'Send a code to an address that a user wants to prove',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    user_id: UserId,
    session_id: SessionId,
    email: EmailAddress,
    place: Type.Optional(AskingPlace),
    step_up: Type.Optional(Type.Unsafe<string>({ ...ChallengeId, description: 'Answered for `factors.add_email`: wanted of a user whose factors have no address' }))
  }, { additionalProperties: false }),
  reply: Type.Object({
    ...SentCode.properties,
    existing_factor: Type.Optional(SentCode)
  }, { additionalProperties: false })
})

export const confirmEmailFactor = defineCommand({
  name: 'factors.email.confirm',
  summary: 'Prove an address by its code; changing one also needs the code sent to the old one',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    user_id: UserId,
    session_id: SessionId,
    challenge_id: ChallengeId,
    code: Code,
    existing_code: Type.Optional(Code)
  }, { additionalProperties: false }),
  reply: Type.Object({
    factor_id: FactorId,
    email: EmailAddress,
    proved_at: Timestamp,
    receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' })
  }, { additionalProperties: false })
})

/**
 * For `countersign principals grant`: the factor root to bind, and what to show the operator to check. A mask leaves many addresses that
 * look alike, so that the operator may say the one that he was told by other means and learns only whether it is the one.
 */
export const describeFactors = defineCommand({
  name: 'factors.describe',
  summary: 'The factor root and the masked factors of a user',
  callee: 'otp-service',
  callers: ['signer-service'],
  deadlineMs: 3_000,
  request: Type.Object({
    user_id: UserId,
    expected_email: Type.Optional(EmailAddress)
  }, { additionalProperties: false }),
  reply: Type.Object({
    factor_root: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43 }),
    factors: Type.Array(MaskedFactor),
    matches_expected: Type.Optional(Type.Boolean({ description: 'There when expected_email was: whether codes go to that address' }))
  }, { additionalProperties: false })
})

/** What was typed in; which form is right depends on the factor. */
export const FactorCode = Type.String({ pattern: '^[0-9A-Za-z-]{6,32}$', maxLength: 32, description: 'Sent code, code of an authenticator app, or recovery code' })

/** A factor as its owner sees it. */
export const FactorView = Type.Object({
  id: FactorId,
  kind: FactorKind,
  label: Type.String({ maxLength: 254, description: 'Masked address, or the name that its owner gave it' }),
  shown: Type.Boolean({ description: 'It shows the action to its owner, outside the gateway\'s reach' }),
  sends: Type.Boolean({ description: 'A code must be sent before it can answer' }),
  proved_at: Timestamp,
  codes_left: Type.Optional(Type.Integer({ minimum: 0, description: 'Of recovery codes' })),
  last_used_at: Type.Optional(Type.Union([Timestamp, Type.Null()], { description: 'Of a passkey' })),
  backed_up: Type.Optional(Type.Boolean({ description: 'Of a passkey: it is kept in more places than one device, as it last said' })),
  wallet: Type.Optional(Type.Object({ family: WalletFamilySchema, address: Type.String({ maxLength: 90 }), chain_id: Type.Optional(Type.Unsafe<number>({ ...ChainId, description: 'Of an Ethereum wallet: the chain that its typed data names' })) }, { additionalProperties: false }))
}, { additionalProperties: false })

/** Neither the root nor a whole address; none is an answer like any other. */
export const listFactors = defineCommand({
  name: 'factors.list',
  summary: 'The factors of a user, masked, for the user himself',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ user_id: UserId }, { additionalProperties: false }),
  reply: Type.Object({ factors: Type.Array(FactorView) }, { additionalProperties: false })
})

/**
 * What `action_digest` of an enrolment's receipt is the SHA-256 of (UTF-8, 0x hex).
 * @param addressNormalised the new address in lower case.
 */
export const emailActionPreimage = (purpose: 'email_enrol' | 'email_change', userId: string, addressNormalised: string): string =>
  `countersign/v1|${purpose}|${userId}|${addressNormalised}`
