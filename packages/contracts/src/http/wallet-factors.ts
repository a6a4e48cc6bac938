/** Wallets as factors, over HTTP: enrolled once, then asked to sign each action itself. */
import { Type } from 'typebox'
import { walletEnrolmentPurpose, walletEnrolmentText, WalletGiven, WalletPublicKey, WalletRequest, WalletSignature } from '../commands/wallet-factors.ts'
import { FactorView } from '../commands/factors.ts'
import { confirmationTypedData } from '../confirmations.ts'
import { ChallengeId, FactorId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { stepUpText } from '../step-ups.ts'
import { ada, adasFactorWallet } from './examples.ts'
import { verifyStepUpProof } from './step-ups.ts'

const tag = 'Second proofs'
const { address, enrolment, stepUp } = adasFactorWallet
const asked = { ...adasFactorWallet.asked, issuedAt: new Date(ada.signedUpAt), expiresAt: new Date(ada.codeEndsAt) }
const enrolled = confirmationTypedData({ ...asked, text: walletEnrolmentText(enrolment.of, asked.site), purpose: walletEnrolmentPurpose, nonce: enrolment.nonce, digest: enrolment.digest }, 1)
const confirmed = confirmationTypedData({ ...asked, text: stepUpText(ada.userId, stepUp.action), purpose: 'step_up', nonce: stepUp.nonce, digest: stepUp.digest }, 1)
const adasWallet = { id: ada.factorId, kind: 'wallet', label: 'Hardware wallet', shown: true, sends: false, proved_at: ada.signedInAt, wallet: { family: 'evm', address, chain_id: 1 } }

export const beginWalletFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/wallet',
  operationId: 'beginWalletFactor',
  tag,
  summary: 'Ask a wallet to become a factor',
  description: 'Gives what it signs: typed data (EIP-712) for Ethereum, a text for the other families. A wallet shows the action that it signs, so that it may confirm transactions: beside factors that do so it is added on the proof of one of them. One wallet is one factor of an account, and may be one of several accounts. A contract wallet is taken on chains whose node otp-service has, and is a factor there alone.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'factors.add_wallet', resource: ['body.family', 'body.address', 'body.chain_id'] },
  limit: 'general',
  body: Type.Object(WalletGiven.properties, { additionalProperties: false, examples: [{ family: 'evm', address, chain_id: 1, name: 'Hardware wallet' }] }),
  status: 201,
  reply: Type.Object({ factor_id: FactorId, sign: WalletRequest }, {
    examples: [{ factor_id: ada.factorId, sign: { family: 'evm', address, typed_data: enrolled, expires_at: ada.codeEndsAt } }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'stateConflict', 'tooMany', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const confirmWalletFactor = defineRoute({
  method: 'POST',
  path: '/api/v1/me/factors/wallet/confirm',
  operationId: 'confirmWalletFactor',
  tag,
  summary: 'Add the wallet by its signature',
  description: 'A wrong signature uses nothing up.',
  caller: 'session',
  limit: 'sign-in',
  body: Type.Object({ factor_id: FactorId, signature: WalletSignature, public_key: Type.Optional(WalletPublicKey) }, { additionalProperties: false, examples: [{ factor_id: ada.factorId, signature: enrolment.signature }] }),
  status: 200,
  reply: Type.Object({ factor: FactorView }, { examples: [{ factor: adasWallet }] }),
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

const Params = Type.Object({ id: ChallengeId })

export const askWalletOfStepUp = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/wallet',
  operationId: 'askWalletOfStepUp',
  tag,
  summary: 'What a wallet signs to answer',
  description: 'Made from the stored question, the same each time it is asked for. Nothing is sent.',
  caller: 'session',
  limit: 'general',
  params: Params,
  body: Type.Object({ factor_id: FactorId }, { additionalProperties: false, examples: [{ factor_id: ada.factorId }] }),
  status: 200,
  reply: Type.Object({ sign: WalletRequest }, {
    examples: [{ sign: { family: 'evm', address, typed_data: confirmed, expires_at: ada.codeEndsAt } }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const answerStepUpByWallet = defineRoute({
  method: 'POST',
  path: '/api/v1/step-ups/:id/wallet/verify',
  operationId: 'answerStepUpByWallet',
  tag,
  summary: 'Answer with the signature of a wallet',
  description: 'A wrong signature spends no attempt, and no wrong code keeps a wallet from answering.',
  caller: 'session',
  limit: 'sign-in',
  params: Params,
  body: Type.Object({ factor_id: FactorId, signature: WalletSignature, public_key: Type.Optional(WalletPublicKey) }, { additionalProperties: false, examples: [{ factor_id: ada.factorId, signature: stepUp.signature }] }),
  status: 200,
  reply: Type.Object(verifyStepUpProof.reply.properties, { examples: [{ id: ada.challengeId, factor_kind: 'wallet', verified_at: ada.signedInAt, usable_until: ada.codeEndsAt }] }),
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const walletFactorRoutes = Object.freeze([beginWalletFactor, confirmWalletFactor, askWalletOfStepUp, answerStepUpByWallet])
