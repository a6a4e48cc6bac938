/**
 * A question of the signer to a user: whether one action is to be. The signer chooses the id, the digest, the words that are shown and the
 * kinds of factors that may answer; otp-service knows the factors, shows the words to their owner and says, by a receipt for this audience
 * alone, that one of them answered. These commands have no other caller: a question of the gateway is another one (step-ups).
 */
import { Type, type Static } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, FactorId, Hash32, MaskedAddress, SessionId, Timestamp, UserId } from '../primitives.ts'
import { FactorKind } from '../receipts.ts'
import { FactorCode, FactorView } from './factors.ts'
import { AssertedCredential, RequestOptions } from './passkeys.ts'
import { WalletPublicKey, WalletRequest, WalletSignature } from './wallet-factors.ts'

export const ChallengeView = Type.Object({
  challenge_id: ChallengeId,
  sent_to: MaskedAddress,
  expires_at: Timestamp,
  attempts_left: Type.Integer({ minimum: 0 })
}, { additionalProperties: false })

/** A question that is open, and which factors of the user may answer it. No code was sent when `sent_to` is absent. */
export const OpenChallenge = Type.Object({
  ...ChallengeView.properties,
  sent_to: Type.Optional(MaskedAddress),
  factors: Type.Array(FactorView)
}, { additionalProperties: false })
export type OpenChallenge = Static<typeof OpenChallenge>

const answers = { callee: 'otp-service', callers: ['signer-service'], deadlineMs: 3_000 } as const
const asked = { challenge_id: ChallengeId, user_id: UserId, session_id: SessionId }
const Receipt = Type.Object({ receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' }) }, { additionalProperties: false })

/** The asker chooses the id, the digest and the exact text that is shown. Its audience is the list it asks on. Asked again with the same fields it is the same question. */
export const createChallenge = defineCommand({
  ...answers,
  name: 'challenges.create',
  summary: 'Ask a user to confirm one action; a user with an e-mail factor is mailed a code with the text of the action',
  request: Type.Object({
    ...asked,
    purpose: Type.Literal('transaction'),
    factor_root: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'Of the principal; refused when the user\'s is another' }),
    action_digest: Hash32,
    text: Type.String({ minLength: 1, maxLength: 8_000, description: 'Exactly what a mail or a wallet shows' }),
    short_text: Type.Optional(Type.String({ minLength: 1, maxLength: 400, pattern: '^[ -~]+$', description: 'The same action in one line, as a text message shows it; absent where no line is long enough, and then no text message confirms it' })),
    factor_kinds: Type.Array(FactorKind, { minItems: 1, uniqueItems: true, description: 'Kinds of factors that may answer' }),
    quiet: Type.Optional(Type.Boolean({ description: 'No code is sent yet' })),
    action_ends_at: Type.Optional(Timestamp)
  }, { additionalProperties: false }),
  reply: OpenChallenge
})

/** A new code for the same challenge and the same attempts; the one before dies. */
export const resendChallenge = defineCommand({
  ...answers,
  name: 'challenges.resend',
  summary: 'Send a new code for a challenge, to the factor that is named or to where the last one went; the attempts stay what they are',
  request: Type.Object({ ...asked, factor_id: Type.Optional(FactorId) }, { additionalProperties: false }),
  reply: ChallengeView
})

export const verifyChallenge = defineCommand({
  ...answers,
  name: 'challenges.verify',
  summary: 'Spend one attempt on a challenge; the right code is answered with a receipt',
  request: Type.Object({
    ...asked,
    factor_id: Type.Optional(Type.Unsafe<string>({ ...FactorId, description: 'Whose code it is; absent: of the factor that the code was sent to' })),
    code: FactorCode
  }, { additionalProperties: false }),
  reply: Receipt
})

/** Made anew each time from the stored challenge: asked twice it is the same. */
export const askWalletOfChallenge = defineCommand({
  ...answers,
  name: 'challenges.wallet.ask',
  summary: 'What a wallet that is a factor signs to answer a challenge',
  request: Type.Object({ ...asked, factor_id: FactorId }, { additionalProperties: false }),
  reply: Type.Object({ sign: WalletRequest }, { additionalProperties: false })
})

/** A contract wallet's node is asked, and may be slow. A wrong signature spends no attempt and no budget of codes. */
export const answerChallengeByWallet = defineCommand({
  ...answers,
  deadlineMs: 6_000,
  name: 'challenges.wallet.answer',
  summary: 'Answer a challenge with the signature of a wallet; the right one is answered with a receipt',
  request: Type.Object({ ...asked, factor_id: FactorId, signature: WalletSignature, public_key: Type.Optional(WalletPublicKey) }, { additionalProperties: false }),
  reply: Receipt
})

export const askPasskeyOfChallenge = defineCommand({
  ...answers,
  name: 'challenges.passkey.ask',
  summary: 'Options by which a browser answers a challenge with one of the user\'s passkeys',
  request: Type.Object(asked, { additionalProperties: false }),
  reply: Type.Object({ options: RequestOptions, expires_at: Timestamp }, { additionalProperties: false })
})

export const answerChallengeByPasskey = defineCommand({
  ...answers,
  name: 'challenges.passkey.answer',
  summary: 'Answer a challenge with a passkey; the right one is answered with a receipt',
  request: Type.Object({ ...asked, credential: AssertedCredential }, { additionalProperties: false }),
  reply: Receipt
})
