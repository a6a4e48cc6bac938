/**
 * Wallets as factors. otp-service makes and keeps what is signed, from its own rows: neither the gateway nor whoever signs says a word of it.
 * A wallet that signs somebody in is no factor before its owner enrolled it here, and a factor signs nobody in.
 */
import { Type, type Static } from 'typebox'
import { defineCommand } from '../command.ts'
import { ConfirmationTypedData } from '../confirmations.ts'
import { ChainId, ChallengeId, FactorId, SessionId, Timestamp, UserId } from '../primitives.ts'
import { WalletFamilySchema, WalletNetwork } from '../wallet-accounts.ts'
import { FactorName } from './factor-changes.ts'
import { FactorView } from './factors.ts'

const asker = { user_id: UserId, session_id: SessionId }
/** A contract wallet's node is asked, and may be slow. */
const answers = { callee: 'otp-service', callers: ['auth-gateway'], deadlineMs: 8_000 } as const

/** Which wallet, as its owner names it. */
export const WalletGiven = Type.Object({
  family: WalletFamilySchema,
  address: Type.String({ pattern: '^[A-Za-z0-9]{26,90}$', maxLength: 90, description: 'Address, as the family writes it' }),
  network: Type.Optional(WalletNetwork),
  chain_id: Type.Optional(Type.Unsafe<number>({ ...ChainId, description: 'EIP-155, for an Ethereum wallet; the default chain when absent. A contract wallet is a factor on that chain alone' })),
  name: Type.Optional(FactorName)
}, { additionalProperties: false })

/** One of the two is there: typed data for Ethereum, a text for the others. */
export const WalletRequest = Type.Object({
  family: WalletFamilySchema,
  address: Type.String({ maxLength: 90 }),
  typed_data: Type.Optional(ConfirmationTypedData),
  message: Type.Optional(Type.String({ maxLength: 8_192, description: 'The text to sign, byte for byte, as the wallets of the family sign messages' })),
  expires_at: Timestamp
}, { additionalProperties: false })
export type WalletRequest = Static<typeof WalletRequest>

/** The largest is that of a contract wallet, 8 KB in hex. */
export const WalletSignature = Type.String({ minLength: 1, maxLength: 20_000, description: 'What the wallet gave for exactly that: 65 bytes in 0x hex over the typed data (a contract wallet: what it accepts, ERC-1271 or ERC-6492), Ed25519 in base58 or base64 (raw or in the off-chain envelope), ADR-36 in base64, 65 bytes in hex, BIP-322 or BIP-137' })
export const WalletPublicKey = Type.String({ pattern: '^[A-Za-z0-9+/=]{1,132}$', maxLength: 132, description: 'Cosmos: 33 bytes in base64, required. Stacks: hex, optional' })

const proof = { signature: WalletSignature, public_key: Type.Optional(WalletPublicKey) }

export const beginWallet = defineCommand({
  ...answers,
  name: 'factors.wallet.begin',
  summary: 'Ask a wallet to become a factor of a user',
  request: Type.Object({ ...asker, ...WalletGiven.properties, step_up: Type.Optional(Type.Unsafe<string>({ ...ChallengeId, description: 'Answered for `factors.add_wallet`; absent where the user has no factor yet' })) }, { additionalProperties: false }),
  reply: Type.Object({ factor_id: FactorId, sign: WalletRequest }, { additionalProperties: false })
})

export const confirmWallet = defineCommand({
  ...answers,
  name: 'factors.wallet.confirm',
  summary: 'Add a wallet that has signed so',
  request: Type.Object({ ...asker, factor_id: FactorId, ...proof }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView }, { additionalProperties: false })
})

/** Made anew each time from the stored challenge: asked twice it is the same. */
export const askWallet = defineCommand({
  ...answers,
  name: 'step_ups.wallet.ask',
  summary: 'What a wallet that is a factor signs to answer a step-up',
  request: Type.Object({ ...asker, challenge_id: ChallengeId, factor_id: FactorId }, { additionalProperties: false }),
  reply: Type.Object({ sign: WalletRequest }, { additionalProperties: false })
})

/** A wrong signature spends no attempt and no budget of codes: there is nothing to guess. It is limited in its rate. */
export const answerByWallet = defineCommand({
  ...answers,
  name: 'step_ups.wallet.answer',
  summary: 'Answer a step-up with the signature of a wallet; the right one is answered with a receipt',
  request: Type.Object({ ...asker, challenge_id: ChallengeId, factor_id: FactorId, ...proof }, { additionalProperties: false }),
  reply: Type.Object({ receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' }) }, { additionalProperties: false })
})

/** What a wallet that is enrolled confirms. */
export interface WalletEnrolment {
  readonly userId: string
  readonly sessionId: string
  /** Of the factor that it becomes. */
  readonly factorId: string
  readonly family: string
  readonly address: string
  /** Of its CAIP-2 chain id. */
  readonly chainReference: string
}

/** Stands in what is signed, beside the purposes of challenges, so that an enrolment is read as nothing else. */
export const walletEnrolmentPurpose = 'wallet_enrol'

/** What `digest` of an enrolment's confirmation is the SHA-256 of (UTF-8, 0x hex). */
export const walletEnrolmentPreimage = ({ userId, sessionId, factorId, family, chainReference, address }: WalletEnrolment): string =>
  `countersign/v1|${walletEnrolmentPurpose}|${userId}|${sessionId}|${factorId}|${family}:${chainReference}:${address}`

/** What the wallet shows. */
export const walletEnrolmentText = ({ userId, factorId, address, chainReference }: WalletEnrolment, site: string): string => [
  `Make this wallet a second factor of the account ${userId} at ${site}.`,
  '',
  `Wallet: ${address}`,
  `Chain: ${chainReference}`,
  `Factor: ${factorId}`,
  'From then on its signatures confirm what is done in that account. If you did not ask for it, sign nothing.'
].join('\n')
