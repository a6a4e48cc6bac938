/**
 * Passkeys: as a factor, which shows nothing, and as a login. otp-service keeps the public keys, draws every WebAuthn challenge and checks
 * every answer; the gateway carries both between it and the browser, and believes its receipts alone.
 */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, FactorId, SessionId, Timestamp, UserId } from '../primitives.ts'
import { FactorName } from './factor-changes.ts'
import { FactorView } from './factors.ts'

const asker = { user_id: UserId, session_id: SessionId }
const answers = { callee: 'otp-service', callers: ['auth-gateway'], deadlineMs: 3_000 } as const
const Receipt = Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' })

const bytes = (longest: number, description: string) => Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: longest, description: `${description}, base64url` })

/** WebAuthn §4: 1023 bytes at most. */
export const CredentialId = bytes(1_364, 'Credential id')
const Challenge = bytes(86, 'Challenge')
const transports = ['ble', 'hybrid', 'internal', 'nfc', 'usb'] as const
const Transports = Type.Array(Type.Unsafe<typeof transports[number]>({ type: 'string', enum: [...transports] }), { maxItems: transports.length })
const PublicKeyType = Type.Literal('public-key')
const Descriptor = Type.Object({ id: CredentialId, type: PublicKeyType, transports: Type.Optional(Transports) })
const Required = Type.Literal('required')

/** As `PublicKeyCredential.parseCreationOptionsFromJSON` takes it (WebAuthn level 3 §5.1.8). */
export const CreationOptions = Type.Object({
  rp: Type.Object({ id: Type.String({ maxLength: 253, description: 'Domain that the passkey is bound to' }), name: Type.String({ maxLength: 64 }) }),
  user: Type.Object({ id: bytes(86, 'User handle: random, and says nothing of the account'), name: Type.String({ maxLength: 254 }), displayName: Type.String({ maxLength: 254 }) }),
  challenge: Challenge,
  pubKeyCredParams: Type.Array(Type.Object({ type: PublicKeyType, alg: Type.Integer({ description: 'COSE algorithm' }) })),
  timeout: Type.Integer({ minimum: 0, description: 'Milliseconds' }),
  excludeCredentials: Type.Array(Descriptor),
  authenticatorSelection: Type.Object({ residentKey: Required, requireResidentKey: Type.Literal(true), userVerification: Required }),
  attestation: Type.Literal('none'),
  extensions: Type.Object({ credProps: Type.Literal(true) })
})

/** As `PublicKeyCredential.parseRequestOptionsFromJSON` takes it (§5.1.9). Without `allowCredentials` the browser offers what it has. */
export const RequestOptions = Type.Object({
  rpId: Type.String({ maxLength: 253 }),
  challenge: Challenge,
  timeout: Type.Integer({ minimum: 0, description: 'Milliseconds' }),
  userVerification: Required,
  allowCredentials: Type.Optional(Type.Array(Descriptor))
})

const ClientData = bytes(8_192, 'CollectedClientData')

/** `PublicKeyCredential.toJSON()` after `navigator.credentials.create` (§5.5). Browsers add fields, which are not read. */
export const CreatedCredential = Type.Object({
  id: CredentialId,
  rawId: CredentialId,
  type: PublicKeyType,
  response: Type.Object({
    clientDataJSON: ClientData,
    attestationObject: bytes(16_384, 'Attestation object, CBOR'),
    transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 }))
  }),
  clientExtensionResults: Type.Optional(Type.Object({}, { description: 'Not read' }))
})

/** The same after `navigator.credentials.get`. */
export const AssertedCredential = Type.Object({
  id: CredentialId,
  rawId: CredentialId,
  type: PublicKeyType,
  response: Type.Object({
    clientDataJSON: ClientData,
    authenticatorData: bytes(4_096, 'Authenticator data'),
    signature: bytes(2_048, 'Signature'),
    userHandle: Type.Optional(Type.Union([bytes(86, 'User handle'), Type.Null()]))
  }),
  clientExtensionResults: Type.Optional(Type.Object({}, { description: 'Not read' }))
})

/** How the gateway knows a passkey without knowing its credential id: what a browser shows is hashed, and found or not. */
export const CredentialHash = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'SHA-256 of the credential id, base64url' })

/** How long a browser may take, in seconds. */
export const passkeySeconds = 300

export const beginPasskey = defineCommand({
  ...answers,
  name: 'factors.passkey.begin',
  summary: 'Options by which a browser makes a passkey for a user',
  request: Type.Object({
    ...asker,
    step_up: Type.Optional(Type.Unsafe<string>({ ...ChallengeId, description: 'Absent where the user has no factor yet' })),
    account: Type.String({ minLength: 1, maxLength: 254, description: 'How the authenticator calls the account' })
  }, { additionalProperties: false }),
  reply: Type.Object({ factor_id: FactorId, options: CreationOptions, expires_at: Timestamp }, { additionalProperties: false })
})

export const confirmPasskey = defineCommand({
  ...answers,
  name: 'factors.passkey.confirm',
  summary: 'Add a passkey that a browser has made',
  request: Type.Object({ ...asker, factor_id: FactorId, credential: CreatedCredential, name: Type.Optional(FactorName) }, { additionalProperties: false }),
  reply: Type.Object({ factor: FactorView, credential_hash: CredentialHash }, { additionalProperties: false })
})

/** Asked twice, the same challenge: it belongs to that step-up, and is used up with it. */
export const beginPasskeyStepUp = defineCommand({
  ...answers,
  name: 'step_ups.passkey.begin',
  summary: 'Options by which a browser answers a step-up with one of the user\'s passkeys',
  request: Type.Object({ ...asker, challenge_id: ChallengeId }, { additionalProperties: false }),
  reply: Type.Object({ options: RequestOptions, expires_at: Timestamp }, { additionalProperties: false })
})

/** No attempt of the step-up is spent and no budget of codes is asked: nobody guesses a signature. */
export const verifyPasskeyStepUp = defineCommand({
  ...answers,
  name: 'step_ups.passkey.verify',
  summary: 'Answer a step-up with a passkey; the right one is answered with a receipt',
  request: Type.Object({ ...asker, challenge_id: ChallengeId, credential: AssertedCredential }, { additionalProperties: false }),
  reply: Type.Object({ receipt: Receipt }, { additionalProperties: false })
})

export const beginPasskeySignIn = defineCommand({
  ...answers,
  name: 'passkeys.sign_in.begin',
  summary: 'Options by which a browser signs in with whichever passkey it has',
  request: Type.Object({}, { additionalProperties: false }),
  reply: Type.Object({ challenge_id: ChallengeId, options: RequestOptions, expires_at: Timestamp }, { additionalProperties: false })
})

export const verifyPasskeySignIn = defineCommand({
  ...answers,
  name: 'passkeys.sign_in.verify',
  summary: 'Spend a sign-in challenge on a passkey; the right one is answered with a receipt of whose it is',
  request: Type.Object({ challenge_id: ChallengeId, credential: AssertedCredential }, { additionalProperties: false }),
  reply: Type.Object({ receipt: Receipt }, { additionalProperties: false })
})

/**
 * What `action_digest` of a sign-in's receipt is the SHA-256 of (UTF-8, 0x hex).
 * @param credentialHash the passkey that signed, so that it is this login and no other one of the user
 */
export const passkeySignInPreimage = (challengeId: string, userId: string, credentialHash: string): string =>
  `countersign/v1|passkey_sign_in|${challengeId}|${userId}|${credentialHash}`
