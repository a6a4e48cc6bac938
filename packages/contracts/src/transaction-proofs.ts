/** How a user confirms what the signer asks: with which factors, what each of them needs first, and what is sent back. */
import { Type, type Static } from 'typebox'
import { FactorCode, FactorView } from './commands/factors.ts'
import { AssertedCredential, RequestOptions } from './commands/passkeys.ts'
import { WalletPublicKey, WalletRequest, WalletSignature } from './commands/wallet-factors.ts'
import { adasConfirmation, adasFactorWallet, adasPasskey, ada } from './http/examples.ts'
import { ChallengeId, FactorId, MaskedAddress, Timestamp } from './primitives.ts'
import type { FactorKind } from './receipts.ts'

const needs = { email_code: 'sent_code', sms: 'sent_code', totp: 'code', recovery_codes: 'code', wallet: 'signature', passkey: 'assertion' } as const satisfies Record<FactorKind, string>

/** What an answer of this kind of factor is. A `sent_code` is sent, and what a `signature` or an `assertion` is made of is given, by `challenge`. */
export const needOf = (kind: FactorKind): typeof needs[FactorKind] => needs[kind]

/** A factor that may confirm, as its owner sees it. */
export const ConfirmingFactor = Type.Object({
  ...FactorView.properties,
  needs: Type.Union([Type.Literal('sent_code'), Type.Literal('code'), Type.Literal('signature'), Type.Literal('assertion')], { description: '`sent_code`, `signature` and `assertion`: ask `…/challenge` with this factor first; `code`: the app or the list has it' })
})
export type ConfirmingFactor = Static<typeof ConfirmingFactor>

/** What is waited for. */
export const TransactionConfirmation = Type.Object({
  challenge_id: ChallengeId,
  sent_to: Type.Optional(Type.Unsafe<string>({ ...MaskedAddress, description: 'Where a code was sent; absent when none was' })),
  expires_at: Timestamp,
  attempts_left: Type.Integer({ minimum: 0 }),
  factors: Type.Array(ConfirmingFactor)
}, { examples: [adasConfirmation] })
export type TransactionConfirmation = Static<typeof TransactionConfirmation>

/** The same, with what the chosen factor signs. */
export const TransactionChallenge = Type.Object({
  ...TransactionConfirmation.properties,
  sign: Type.Optional(Type.Unsafe<WalletRequest>({ ...WalletRequest, description: 'Of a wallet: what it signs' })),
  options: Type.Optional(Type.Unsafe<Static<typeof RequestOptions>>({ ...RequestOptions, description: 'Of a passkey: for `navigator.credentials.get`' }))
}, { examples: [adasConfirmation] })
export type TransactionChallenge = Static<typeof TransactionChallenge>

/** One of three forms. */
export const TransactionProof = Type.Union([
  Type.Object({ code: FactorCode, factor_id: Type.Optional(FactorId) }, { additionalProperties: false }),
  Type.Object({ factor_id: FactorId, signature: WalletSignature, public_key: Type.Optional(WalletPublicKey) }, { additionalProperties: false }),
  Type.Object({ credential: AssertedCredential }, { additionalProperties: false })
])
export type TransactionProof = Static<typeof TransactionProof>

/** The three forms as one body: which of them it is, its fields say. */
export const TransactionProofBody = Type.Object({
  code: Type.Optional(Type.Unsafe<string>({ ...FactorCode, description: 'Sent code, code of an authenticator app, or recovery code' })),
  factor_id: Type.Optional(Type.Unsafe<string>({ ...FactorId, description: 'Whose code or signature it is; absent: of the factor that the code was sent to' })),
  signature: Type.Optional(WalletSignature),
  public_key: Type.Optional(WalletPublicKey),
  credential: Type.Optional(AssertedCredential)
}, {
  additionalProperties: false,
  examples: [
    { code: ada.code },
    { factor_id: ada.factorId, code: ada.code },
    { factor_id: ada.factorId, signature: adasFactorWallet.stepUp.signature },
    { credential: adasPasskey.asserted }
  ]
})

/** What it was confirmed with. */
export const GivenProofView = Type.Object({
  kind: Type.String({ description: 'Of the factor; `service_key`: a program signed the request itself' }),
  shown: Type.Boolean({ description: 'The factor showed the action' }),
  receipt_id: Type.String({ description: 'Of otp-service\'s receipt, or the `jti` of the program\'s signature' }),
  factor_age_seconds: Type.Integer({ description: 'How old the factor was then' })
})
