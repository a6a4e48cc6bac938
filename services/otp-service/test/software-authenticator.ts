/** An authenticator and its browser in a few lines: a key pair in memory, and every byte that they would send, so that a test may send others. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import type { RequestOf, confirmPasskey, verifyPasskeyStepUp } from '@countersign/contracts'
import { isoCBOR } from '@simplewebauthn/server/helpers'

type Created = RequestOf<typeof confirmPasskey>['credential']
type Asserted = RequestOf<typeof verifyPasskeyStepUp>['credential']

export type KeyType = 'ES256' | 'EdDSA' | 'RS256'

/** What goes into an answer; each has a right value of its own. */
export interface Told {
  readonly challenge?: string
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  /** Authenticator data §6.1: user present 1, user verified 4, backup eligible 8, backed up 16. */
  readonly flags?: number
  readonly counter?: number
  readonly userHandle?: string | null
  readonly format?: { readonly fmt: string, readonly attStmt: Map<unknown, unknown> }
  readonly signedBy?: KeyObject
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()
const fromBase64url = (text: unknown): Uint8Array => new Uint8Array(Buffer.from(String(text), 'base64url'))

export type SoftwareAuthenticator = ReturnType<typeof softwareAuthenticator>

export function softwareAuthenticator ({ origin: page = 'http://localhost:8000', keyType = 'ES256' as KeyType, synced = false } = {}) {
  const id = base64url(randomBytes(16))
  const keys = keyPair(keyType)
  const usual = 5 | (synced ? 24 : 0)
  const own = { counter: 0, userHandle: '' }

  const head = (rpId: string, flags: number, counter: number): Buffer => {
    const rest = Buffer.alloc(5)
    rest.writeUInt8(flags)
    rest.writeUInt32BE(counter, 1)
    return Buffer.concat([sha256(rpId), rest])
  }
  const client = (type: string, challenge: string, { origin = page, crossOrigin = false, topOrigin, ...told }: Told): string =>
    base64url(Buffer.from(JSON.stringify({ type: told.type ?? type, challenge: told.challenge ?? challenge, origin, crossOrigin, ...topOrigin !== undefined && { topOrigin } })))

  return {
    id,
    /** What it tells from now on. */
    count: (counter: number): void => { own.counter = counter },
    userHandle: (): string => own.userHandle,

    create (options: { challenge: string, rp: { id: string }, user: { id: string } }, told: Told = {}): Created {
      own.userHandle = options.user.id
      const length = Buffer.alloc(2)
      const bytes = Buffer.from(id, 'base64url')
      length.writeUInt16BE(bytes.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, bytes, isoCBOR.encode(keys.cose)])
      const authData = Buffer.concat([head(told.rpId ?? options.rp.id, (told.flags ?? usual) | 64, told.counter ?? own.counter), attested])
      const { fmt, attStmt } = told.format ?? { fmt: 'none', attStmt: new Map() }
      const attestationObject = isoCBOR.encode(new Map<string, unknown>([['fmt', fmt], ['attStmt', attStmt], ['authData', new Uint8Array(authData)]]) as never)
      return { id, rawId: id, type: 'public-key', response: { clientDataJSON: client('webauthn.create', options.challenge, told), attestationObject: base64url(attestationObject), transports: ['internal'] } }
    },

    get (options: { challenge: string, rpId: string }, told: Told = {}): Asserted {
      const authenticatorData = head(told.rpId ?? options.rpId, told.flags ?? usual, told.counter ?? own.counter)
      const clientDataJSON = client('webauthn.get', options.challenge, told)
      const signed = Buffer.concat([authenticatorData, sha256(Buffer.from(clientDataJSON, 'base64url'))])
      const userHandle = told.userHandle === undefined ? own.userHandle : told.userHandle
      return {
        id, rawId: id, type: 'public-key',
        response: { clientDataJSON, authenticatorData: base64url(authenticatorData), signature: base64url(sign(keys.digest, signed, told.signedBy ?? keys.privateKey)), userHandle }
      }
    }
  }
}

/** COSE keys as RFC 9053 has them. */
function keyPair (type: KeyType) {
  if (type === 'ES256') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = publicKey.export({ format: 'jwk' })
    return { privateKey, digest: 'sha256', cose: new Map<number, number | Uint8Array>([[1, 2], [3, -7], [-1, 1], [-2, fromBase64url(x)], [-3, fromBase64url(y)]]) }
  }
  if (type === 'EdDSA') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    return { privateKey, digest: null, cose: new Map<number, number | Uint8Array>([[1, 1], [3, -8], [-1, 6], [-2, fromBase64url(publicKey.export({ format: 'jwk' }).x)]]) }
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { n, e } = publicKey.export({ format: 'jwk' })
  return { privateKey, digest: 'sha256', cose: new Map<number, number | Uint8Array>([[1, 3], [3, -257], [-1, fromBase64url(n)], [-2, fromBase64url(e)]]) }
}
