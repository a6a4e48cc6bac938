/** Signing in and linking with a wallet: three routes for each of the five families. */
import { Type, type TSchema } from 'typebox'
import type { WalletFamily } from '../access.ts'
import { ChainId, ChallengeId, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { walletAddresses, WalletNetwork } from '../wallet-accounts.ts'
import { TokenDelivery, TokenReply } from './auth.ts'
import { ada, adasWallets, walletIdentity, walletMessage, walletProof } from './examples.ts'
import { IdentityView, Username } from './user-view.ts'

/** Unbounded but for the body: a signature of any length is refused as a wrong one. */
const signatureOf: Readonly<Record<WalletFamily, TSchema>> = {
  evm: Type.String({ description: '65 bytes r, s, v, 0x hex; of a contract wallet what it accepts (ERC-1271, ERC-6492)' }),
  solana: Type.String({ description: 'Ed25519, base58 or base64, over the text or over the off-chain message envelope around it' }),
  cosmos: Type.String({ description: '64 bytes r, s, base64, over the ADR-36 document' }),
  stacks: Type.String({ description: '65 bytes r, s, v, hex' }),
  bitcoin: Type.String({ description: 'BIP-322, or BIP-137 in base64' })
}
const publicKeyOf = {
  evm: {},
  solana: {},
  cosmos: { public_key: Type.String({ description: '33 bytes, compressed, base64' }) },
  stacks: { public_key: Type.Optional(Type.String({ description: '33 bytes, compressed, hex' })) },
  bitcoin: {}
} as const

const title: Readonly<Record<WalletFamily, string>> = {
  evm: 'an Ethereum wallet', solana: 'a Solana wallet', cosmos: 'a Cosmos wallet', stacks: 'a Stacks wallet', bitcoin: 'a Bitcoin wallet'
}

const challengeOf = <F extends WalletFamily>(family: F) => defineRoute({
  method: 'POST',
  path: `/api/v1/auth/${family}/challenge`,
  operationId: `challenge_${family}`,
  tag: 'Sign-in',
  summary: `The message that ${title[family]} signs`,
  description: 'With `purpose` `link`, or with an access token and no purpose, the message links the wallet to the account of that token; else it signs in. One never does the other\'s work.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({
    address: walletAddresses[family],
    network: Type.Optional(WalletNetwork),
    ...family === 'evm' && { chain_id: Type.Optional(ChainId) },
    purpose: Type.Optional(Type.Union([Type.Literal('login'), Type.Literal('link')]))
  }, { additionalProperties: false, examples: [{ address: adasWallets[family].address }] }),
  status: 200,
  reply: Type.Object({ challenge_id: ChallengeId, message: Type.String(), nonce: Type.String(), expires_at: Timestamp }, {
    examples: [{ challenge_id: ada.challengeId, message: walletMessage(family, 'login'), nonce: adasWallets[family].nonce, expires_at: ada.codeEndsAt }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})

const proof = (family: WalletFamily) => ({
  address: walletAddresses[family],
  signed_message: Type.String({ description: 'Exactly the message of the challenge' }),
  signature: signatureOf[family],
  ...publicKeyOf[family],
  challenge_id: Type.Optional(ChallengeId)
})

const verifyOf = <F extends WalletFamily>(family: F) => defineRoute({
  method: 'POST',
  path: `/api/v1/auth/${family}/verify`,
  operationId: `verify_${family}`,
  tag: 'Sign-in',
  summary: `Sign in with ${title[family]}`,
  description: 'The challenge is used up by this call, right or wrong. A wrong signature, an unknown, used or expired challenge and any other text answer alike. The first sign-in makes the account.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: Type.Object({ ...proof(family), username: Type.Optional(Username) }, { additionalProperties: false, examples: [walletProof(family, 'login')] }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'proofRejected', 'sessionClosed', 'accountDeleting', 'originRefused', 'schemaViolation', 'rateLimited', 'unavailable']
})

const linkOf = <F extends WalletFamily>(family: F) => defineRoute({
  method: 'POST',
  path: `/api/v1/auth/${family}/link`,
  operationId: `link_${family}`,
  tag: 'Account',
  summary: `Link ${title[family]} to this account`,
  description: 'Needs a `link` challenge of this very session. A wallet of another account is refused; linking one\'s own again changes nothing.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'identities.link', resource: ['body.address'] },
  limit: 'sign-in',
  body: Type.Object(proof(family), { additionalProperties: false, examples: [walletProof(family, 'link')] }),
  status: 200,
  reply: Type.Object({ message: Type.String(), identity: IdentityView }, { examples: [{ message: 'Wallet linked', identity: walletIdentity(family) }] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'proofRejected', 'identityTaken', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const walletRoutes = Object.freeze({
  evm: { challenge: challengeOf('evm'), verify: verifyOf('evm'), link: linkOf('evm') },
  solana: { challenge: challengeOf('solana'), verify: verifyOf('solana'), link: linkOf('solana') },
  cosmos: { challenge: challengeOf('cosmos'), verify: verifyOf('cosmos'), link: linkOf('cosmos') },
  stacks: { challenge: challengeOf('stacks'), verify: verifyOf('stacks'), link: linkOf('stacks') },
  bitcoin: { challenge: challengeOf('bitcoin'), verify: verifyOf('bitcoin'), link: linkOf('bitcoin') }
})
