/**
 * WebAuthn as this deployment speaks it (level 3, §7.1 and §7.2): one domain, the listed origins, passkeys that the authenticator verified its
 * user for, and no attestation: who made an authenticator decides nothing here, and the certificates of one that says so anyway are not read.
 */
import type { ReplyOf, RequestOf, beginPasskey, beginPasskeyStepUp, confirmPasskey, verifyPasskeyStepUp } from '@countersign/contracts'
import { passkeySeconds } from '@countersign/contracts'
import { generateAuthenticationOptions, generateRegistrationOptions, verifyAuthenticationResponse, verifyRegistrationResponse, type AuthenticatorTransport } from '@simplewebauthn/server'
import { COSEALG, decodeAttestationObject, decodeClientDataJSON, isoBase64URL } from '@simplewebauthn/server/helpers'
import type { PasskeyFactor } from '../factors/factor.ts'

export interface RelyingPartySettings {
  /** Domain that passkeys are bound to. */
  readonly id: string
  readonly name: string
  /** Of the pages that may use them. */
  readonly origins: readonly string[]
}

export type Created = RequestOf<typeof confirmPasskey>['credential']
export type Asserted = RequestOf<typeof verifyPasskeyStepUp>['credential']
export type CreationOptions = ReplyOf<typeof beginPasskey>['options']
export type RequestOptions = ReplyOf<typeof beginPasskeyStepUp>['options']

/** What an authenticator told of the passkey it made. */
export type NewPasskey = Pick<PasskeyFactor, 'credentialId' | 'publicKey' | 'counter' | 'transports' | 'backupEligible' | 'backedUp'>

/** What it tells each time. */
export type PasskeyUse = Pick<PasskeyFactor, 'counter' | 'backedUp'>

/** The reason is for logs, not for strangers. */
export type Checked<T> = { readonly right: T } | { readonly refused: string }

export interface RelyingParty {
  /** @param exclude passkeys of the user, whose authenticators make no second one */
  creationOptions (given: { readonly account: string, readonly userHandle: string, readonly challenge: string, readonly exclude: readonly PasskeyFactor[] }): Promise<CreationOptions>
  /** @param allow none: the browser offers what it has */
  requestOptions (challenge: string, allow?: readonly PasskeyFactor[]): Promise<RequestOptions>
  /** @param challenge base64url, as it was given out */
  checkCreated (credential: Created, challenge: string): Promise<Checked<NewPasskey>>
  /** Its counter is told and not compared: whoever keeps it does both at once. @param challenges any of these */
  checkAsserted (credential: Asserted, passkey: Pick<PasskeyFactor, 'credentialId' | 'publicKey' | 'backupEligible'>, challenges: readonly string[]): Promise<Checked<PasskeyUse>>
}

/** ES256, EdDSA, RS256: what every platform has one of. */
const algorithms = [COSEALG.ES256, COSEALG.EdDSA, COSEALG.RS256]
const transports = ['ble', 'hybrid', 'internal', 'nfc', 'usb'] as const satisfies readonly AuthenticatorTransport[]
const isTransport = (given: string): given is typeof transports[number] => (transports as readonly string[]).includes(given)

export function createRelyingParty ({ id, name, origins }: RelyingPartySettings): RelyingParty {
  const expected = { expectedOrigin: [...origins], expectedRPID: id, requireUserVerification: true }
  const descriptorOf = ({ credentialId, transports: known }: PasskeyFactor) => ({ id: credentialId, transports: [...known] })
  const timeout = passkeySeconds * 1_000

  return {
    async creationOptions ({ account, userHandle, challenge, exclude }) {
      return await generateRegistrationOptions({
        rpID: id, rpName: name, userName: account, userDisplayName: account, timeout,
        userID: isoBase64URL.toBuffer(userHandle),
        challenge: isoBase64URL.toBuffer(challenge),
        attestationType: 'none',
        excludeCredentials: exclude.map(descriptorOf),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: algorithms
      }) as CreationOptions
    },

    async requestOptions (challenge, allow) {
      return await generateAuthenticationOptions({
        rpID: id, timeout, challenge: isoBase64URL.toBuffer(challenge), userVerification: 'required', ...allow !== undefined && { allowCredentials: allow.map(descriptorOf) }
      }) as RequestOptions
    },

    checkCreated: async (credential, challenge) => await unlessThrown(async () => {
      refuseFrames(credential.response.clientDataJSON)
      refuseCertificates(credential.response.attestationObject)
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        ...expected,
        response: { ...credential, response: { ...credential.response, transports: (credential.response.transports ?? []).filter(isTransport) }, clientExtensionResults: {} },
        expectedChallenge: challenge,
        supportedAlgorithmIDs: algorithms
      })
      if (!verified) throw new Error('the attestation is not its authenticator\'s')
      const { credential: made, credentialDeviceType, credentialBackedUp } = registrationInfo
      if (made.id !== credential.id) throw new Error('two credential ids')
      return {
        credentialId: made.id,
        publicKey: isoBase64URL.fromBuffer(made.publicKey),
        counter: made.counter,
        transports: (made.transports ?? []).filter(isTransport),
        backupEligible: credentialDeviceType === 'multiDevice',
        backedUp: credentialBackedUp
      }
    }),

    checkAsserted: async (credential, { credentialId, publicKey, backupEligible }, challenges) => await unlessThrown(async () => {
      refuseFrames(credential.response.clientDataJSON)
      const { userHandle, ...response } = credential.response
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        ...expected,
        response: { ...credential, response: { ...response, ...typeof userHandle === 'string' && { userHandle } }, clientExtensionResults: {} },
        expectedChallenge: (challenge) => challenges.includes(challenge),
        credential: { id: credentialId, publicKey: isoBase64URL.toBuffer(publicKey), counter: 0 }
      })
      if (!verified) throw new Error('the signature is not the passkey\'s')
      const { newCounter: counter, credentialDeviceType, credentialBackedUp: backedUp } = authenticationInfo
      // Whether it may be backed up is said when it is made and never changes (§6.1.3).
      if ((credentialDeviceType === 'multiDevice') !== backupEligible) throw new Error('it says otherwise whether it may be backed up')
      return { counter, backedUp }
    })
  }
}

/** The library throws for whatever is not as expected, malformed bytes of every kind included. */
async function unlessThrown<T> (check: () => Promise<T>): Promise<Checked<T>> {
  try {
    return { right: await check() }
  } catch (error) {
    return { refused: (error instanceof Error ? error.message : 'not an error').slice(0, 300) }
  }
}

/** A page inside a frame of another origin does not show whom it acts for. */
function refuseFrames (clientDataJSON: string): void {
  const { crossOrigin, topOrigin } = decodeClientDataJSON(clientDataJSON)
  if (crossOrigin === true || topOrigin !== undefined) throw new Error('it was asked for in a frame of another origin')
}

/**
 * Self-attestation and none are what is left where none was asked for (§5.4.7). Reading a chain of certificates would let a stranger name the
 * addresses at which its revocation is asked for.
 */
function refuseCertificates (attestationObject: string): void {
  const decoded = decodeAttestationObject(isoBase64URL.toBuffer(attestationObject))
  const format = decoded.get('fmt')
  const isOfItself = format === 'packed' && decoded.get('attStmt').get('x5c') === undefined
  if (format !== 'none' && !isOfItself) throw new Error('an attestation that was not asked for')
}
