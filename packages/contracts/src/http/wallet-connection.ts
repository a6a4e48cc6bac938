/**
 * Connecting a wallet as the earlier wallet system has it: its paths, words and envelopes. What an answer opens is what `/api/v1` opens
 * as well; fields that the earlier callers send beside the named ones are passed over.
 */
import { Type, type Static, type TSchema } from 'typebox'
import type { WalletFamily } from '../access.ts'
import { SessionId, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

/** Which family of keys a wallet program holds. */
export const walletTypeFamilies = Object.freeze({
  hiro: 'stacks', xverse: 'stacks', leather: 'stacks',
  metamask: 'evm', walletconnect: 'evm', coinbase: 'evm', trust: 'evm'
}) satisfies Readonly<Record<string, Extract<WalletFamily, 'stacks' | 'evm'>>>
export type WalletType = keyof typeof walletTypeFamilies
export const walletTypes = Object.freeze(Object.keys(walletTypeFamilies) as WalletType[])

/** Names of networks that the earlier system knows, in `X-Network`, body or query. */
export const networkNames = Object.freeze(['mainnet', 'testnet', 'devnet'] as const)
export type NetworkName = typeof networkNames[number]

const WalletTypeSchema = Type.Unsafe<WalletType>({ type: 'string', enum: [...walletTypes] })
const Network = Type.Unsafe<NetworkName>({ type: 'string', enum: [...networkNames], description: 'Instead of the header `X-Network`' })
/** The grammar alone, in either case: the earlier system keeps addresses in lower case. */
const addressPattern = '^(0x[0-9a-fA-F]{40}|S[0-9A-HJKMNP-TV-Z]{38,40}|s[0-9a-hjkmnp-tv-z]{38,40})$'
const Address = Type.String({ pattern: addressPattern, maxLength: 42, description: 'Stacks (c32check) or EVM address' })
/** By its form never a private key: those have 32 bytes, or 33 that end in 01 and begin with anything. */
const PublicKey = Type.String({ pattern: '^(0x)?(0[23][0-9a-fA-F]{64}|04[0-9a-fA-F]{128})$', maxLength: 132, description: 'Public key, compressed or not, hex. Never the private key of an application' })
const Reason = Type.String({ maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$' })
const NullableTime = Type.Union([Timestamp, Type.Null()])
const NullableText = Type.Union([Type.String(), Type.Null()])

/** @param example `data` and the message that goes with it */
const envelope = <S extends TSchema>(data: S, [shownData, message]: readonly [example: unknown, message: string]) =>
  Type.Object({ success: Type.Literal(true), data, message: Type.String() }, { examples: [{ success: true, data: shownData, message }] })
const done = (message: string) => envelope(Type.Object({ success: Type.Literal(true), message: Type.String() }), [{ success: true, message }, message])

/** Ada's Stacks wallet in one program, with its signature of `message`: right, as a test of the gateway checks; its key is thrown away. */
const adas = {
  address: 'SP24HXYSAZW3SBFQG58G1FPF6SK0NQSTRR9X8X6M3',
  publicKey: '0344199d6b0ddd47093d44b52dff4a18fe5b50b2d2c68b193330e93ba01e80f584',
  nonce: '0a7da06d92538ef84a19755c08b806ab7efb3d2ff0102471c023195d0beb52c2',
  signature: '8fc34c081fdb5369a73742b8902632f431b05bd61d05d95ce327c6a873f5145078e1f938c381accced2be5285cf88ec53fb8f2378b4eb390ce4c690935d3aa3d01',
  message: `auth.example.com wants you to connect your wallet.

Connect this wallet to Countersign and sign in with it. This costs nothing and moves nothing.

URI: https://auth.example.com
Version: 1
Network: mainnet
Nonce: 0a7da06d92538ef84a19755c08b806ab7efb3d2ff0102471c023195d0beb52c2
Issued At: ${ada.signedUpAt}
Expiration Time: ${ada.codeEndsAt}`,
  token: 'q8Zk…'
} as const
const adasClaim = { address: adas.address, walletType: 'leather', publicKey: adas.publicKey } as const
const adasView = { address: adas.address.toLowerCase(), walletType: 'leather', network: 'mainnet' } as const
const adasDates = { isConnected: true, connectedAt: ada.signedInAt, lastVerifiedAt: ada.signedInAt, lastAuthenticatedAt: ada.signedInAt }
const adasProfile = { avatar: null, username: ada.username, bio: null }

const earlier = { tag: 'Earlier systems', refusals: 'success' } as const
const always = ['unknownNetwork', 'schemaViolation', 'rateLimited', 'unavailable'] as const

export const requestConnection = defineRoute({
  ...earlier,
  method: 'POST',
  path: '/api/wallet/connection-request',
  operationId: 'requestWalletConnection',
  summary: 'The message that a wallet signs to be connected',
  description: 'Names no address unless one is given: whoever signs it is proved by the signature. Use `/api/v1/auth/{family}/challenge` in new programs.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({ network: Type.Optional(Network), address: Type.Optional(Address) }, { examples: [{ network: 'mainnet' }] }),
  status: 200,
  reply: envelope(Type.Object({
    nonce: Type.String({ description: '64 hex characters; used up by one `connect`, right or wrong' }),
    timestamp: Type.Integer({ description: 'Milliseconds since 1970' }),
    message: Type.String(),
    network: Type.String(),
    expiresAt: Timestamp
  }), [{ nonce: adas.nonce, timestamp: 1_772_357_400_000, message: adas.message, network: 'mainnet', expiresAt: ada.codeEndsAt }, 'Sign the message to connect your wallet']),
  problems: ['malformedRequest', ...always]
})

const connectionToken = { description: 'Opens one session by `authenticate`, in place of the cookie `walletConnection`' }

export const connectWallet = defineRoute({
  ...earlier,
  method: 'POST',
  path: '/api/wallet/connect',
  operationId: 'connectWallet',
  summary: 'Connect a wallet by its signature',
  description: 'The network is that of the message. The address is the one that signed; the first connection of a wallet makes its account.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({
    address: Address,
    walletType: WalletTypeSchema,
    publicKey: Type.Optional(PublicKey),
    signature: Type.String({ description: '65 bytes r, s, v, hex' }),
    nonce: Type.String({ maxLength: 200 })
  }, { examples: [{ ...adasClaim, signature: adas.signature, nonce: adas.nonce }] }),
  status: 201,
  reply: envelope(Type.Object({
    success: Type.Literal(true),
    address: Type.String({ description: 'In lower case' }),
    walletType: WalletTypeSchema,
    network: Type.String(),
    connectedAt: Timestamp,
    message: Type.String(),
    connectionToken: Type.String(connectionToken),
    connectionTokenExpiresIn: Type.Integer({ description: 'Seconds' })
  }), [{ success: true, ...adasView, connectedAt: ada.signedInAt, message: 'Wallet connected', connectionToken: adas.token, connectionTokenExpiresIn: 300 }, 'Wallet connected']),
  problems: ['malformedRequest', 'proofRejected', 'accountDeleting', 'originRefused', ...always]
})

export const authenticateWallet = defineRoute({
  ...earlier,
  method: 'POST',
  path: '/api/wallet/authenticate',
  operationId: 'authenticateWallet',
  summary: 'Open a session with a wallet that was connected just now',
  description: 'Address, type and key are public and prove nothing: the proof is the token of `connect`, in the body or its cookie, and is used up. `sessionId` is a secret, shown once; `sessionHandle` is its public name.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({
    address: Address,
    walletType: WalletTypeSchema,
    publicKey: Type.Optional(PublicKey),
    sessionDurationHours: Type.Optional(Type.Number({ minimum: 1, maximum: 8_760 })),
    connectionToken: Type.Optional(Type.String({ ...connectionToken, maxLength: 200 }))
  }, { examples: [{ ...adasClaim, sessionDurationHours: 24, connectionToken: adas.token }] }),
  status: 201,
  reply: envelope(Type.Object({
    sessionId: Type.String({ description: 'For `X-Session-Id`; also set as the cookie `sessionId`' }),
    sessionHandle: SessionId,
    address: Type.String(),
    walletType: WalletTypeSchema,
    expiresAt: Timestamp,
    expiresIn: Type.Integer({ description: 'Seconds' }),
    message: Type.String()
  }), [{ sessionId: 'sess_Vb2C…', sessionHandle: ada.sessionId, address: adasView.address, walletType: 'leather', expiresAt: ada.sessionEndsAt, expiresIn: 86_400, message: 'Session opened' }, 'Session opened']),
  problems: ['malformedRequest', 'proofRejected', 'sessionClosed', 'originRefused', ...always]
})

const ofSession = { ...earlier, caller: 'session', limit: 'general' } as const
const Profile = Type.Object({ avatar: NullableText, username: Type.String(), bio: NullableText })
/** What the owner sees beside what everybody does. */
const dates = { isConnected: Type.Boolean(), connectedAt: Timestamp, lastVerifiedAt: Timestamp, lastAuthenticatedAt: NullableTime }
const shown = { address: Type.String(), walletType: WalletTypeSchema, network: Type.String() }

export const readConnectedWallet = defineRoute({
  ...ofSession,
  method: 'GET',
  path: '/api/wallet/me',
  operationId: 'readConnectedWallet',
  summary: 'The wallet of this session',
  status: 200,
  reply: envelope(Type.Object({ ...shown, ...dates, displayName: NullableText, profile: Profile }), [{ ...adasView, ...adasDates, displayName: 'Ada', profile: adasProfile }, 'The connected wallet']),
  problems: ['unauthorized', 'notFound', ...always]
})
export type ConnectedWallet = Static<typeof readConnectedWallet['reply']['properties']['data']>

export const WalletConnectionView = Type.Object({ ...shown, ...dates })
export type ConnectionView = Static<typeof WalletConnectionView>

export const readAllWallets = defineRoute({
  ...ofSession,
  method: 'GET',
  path: '/api/wallet/wallets/all',
  operationId: 'readAllWallets',
  summary: 'The connected wallets of this account',
  status: 200,
  reply: envelope(Type.Object({ address: NullableText, connectedWallets: Type.Array(WalletConnectionView), totalConnected: Type.Integer() }), [{ address: adasView.address, connectedWallets: [{ ...adasView, ...adasDates }], totalConnected: 1 }, 'The connected wallets of this account']),
  problems: ['unauthorized', ...always]
})

const PublicWallet = Type.Object({
  ...shown,
  displayName: NullableText,
  isConnected: Type.Optional(dates.isConnected), connectedAt: Type.Optional(Timestamp), lastVerifiedAt: Type.Optional(Timestamp), lastAuthenticatedAt: Type.Optional(NullableTime)
})
export type PublicWallet = Static<typeof PublicWallet>

export const readWalletOf = defineRoute({
  ...earlier,
  method: 'GET',
  path: '/api/wallet/:address',
  segments: { address: addressPattern },
  operationId: 'readWalletOf',
  summary: 'A connected wallet, as everybody sees it',
  description: 'Its owner, with a session, sees the dates too.',
  caller: 'anyone',
  limit: 'general',
  params: Type.Object({ address: Address }),
  query: Type.Object({ walletType: Type.Optional(WalletTypeSchema), network: Type.Optional(Type.String()) }),
  status: 200,
  reply: envelope(PublicWallet, [{ ...adasView, displayName: 'Ada' }, 'Wallet found']),
  problems: ['notFound', ...always]
})

export const verifyWalletSession = defineRoute({
  ...earlier,
  method: 'GET',
  path: '/api/wallet/verify/:sessionId',
  operationId: 'verifyWalletSession',
  summary: 'Whether a session is open, by its public handle',
  description: 'Takes `sessionHandle` (`ses_…`). A secret does not belong into an address: given one, it answers as for an unknown session.',
  caller: 'anyone',
  limit: 'general',
  params: Type.Object({ sessionId: Type.String({ maxLength: 100 }) }),
  status: 200,
  reply: envelope(Type.Object({
    valid: Type.Boolean(),
    address: Type.Optional(Type.String()),
    walletType: Type.Optional(WalletTypeSchema),
    expiresAt: Type.Optional(Timestamp),
    reason: Type.Optional(Type.String())
  }), [{ valid: true, address: adasView.address, walletType: 'leather', expiresAt: ada.sessionEndsAt }, 'The session is open']),
  problems: [...always]
})

const disconnecting = {
  ...ofSession,
  method: 'POST',
  description: 'Closes every session that was opened with it.',
  status: 200,
  reply: done('Wallet disconnected'),
  problems: ['malformedRequest', 'unauthorized', 'notOwner', 'notFound', ...always]
} as const

export const disconnectWallet = defineRoute({
  ...disconnecting,
  path: '/api/wallet/disconnect',
  operationId: 'disconnectWallet',
  summary: 'Disconnect one of the own wallets',
  body: Type.Object({ address: Address, walletType: WalletTypeSchema, reason: Type.Optional(Reason) }, { examples: [{ address: adas.address, walletType: 'leather', reason: 'a new telephone' }] })
})

export const disconnectAddress = defineRoute({
  ...disconnecting,
  path: '/api/wallet/disconnect/:address',
  operationId: 'disconnectAddress',
  summary: 'Disconnect an own address from every wallet program',
  params: Type.Object({ address: Address }),
  body: Type.Object({ reason: Type.Optional(Reason) }, { examples: [{ reason: 'a new telephone' }] })
})

export const logOutWallet = defineRoute({
  ...ofSession,
  method: 'POST',
  path: '/api/wallet/logout',
  operationId: 'logOutWallet',
  summary: 'Close this session',
  status: 200,
  reply: done('Logged out'),
  problems: ['unauthorized', ...always]
})

export const updateWalletProfile = defineRoute({
  ...ofSession,
  method: 'PUT',
  path: '/api/wallet/profile',
  operationId: 'updateWalletProfile',
  summary: 'Change the profile of the account',
  description: 'Fields that are absent stay; an empty text clears one, the username excepted.',
  body: Type.Object({
    displayName: Type.Optional(Type.String({ maxLength: 100 })),
    avatar: Type.Optional(Type.String({ maxLength: 500, pattern: '^(https://[^\\s"<>]+)?$', description: 'https URL' })),
    username: Type.Optional(Type.String({ minLength: 3, maxLength: 50, pattern: '^[A-Za-z0-9_.-]+$' })),
    bio: Type.Optional(Type.String({ maxLength: 1_000 }))
  }, { examples: [{ displayName: 'Ada', bio: '' }] }),
  status: 200,
  reply: envelope(Type.Object({ profile: Profile, displayName: NullableText }), [{ profile: adasProfile, displayName: 'Ada' }, 'Profile changed']),
  problems: ['malformedRequest', 'unauthorized', 'usernameTaken', ...always]
})

/** In the order of the earlier system's own page. */
export const walletConnectionRoutes = Object.freeze([
  requestConnection, connectWallet, authenticateWallet, readConnectedWallet, readWalletOf, readAllWallets,
  disconnectWallet, disconnectAddress, logOutWallet, updateWalletProfile, verifyWalletSession
])
