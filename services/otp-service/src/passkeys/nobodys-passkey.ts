import { generateKeyPairSync } from 'node:crypto'
import { isoCBOR, isoBase64URL } from '@simplewebauthn/server/helpers'
import type { PasskeyFactor } from '../factors/factor.ts'

const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

/** What the answer of an unknown passkey is checked against, so that its refusal takes as long as another. Its private key is thrown away. */
export const nobodysPasskey: Pick<PasskeyFactor, 'credentialId' | 'publicKey' | 'backupEligible'> = {
  credentialId: 'nobody',
  // RFC 9053 §7.1: kty EC2, alg ES256, crv P-256, x, y.
  publicKey: isoBase64URL.fromBuffer(isoCBOR.encode(new Map<number, number | Uint8Array>([[1, 2], [3, -7], [-1, 1], [-2, isoBase64URL.toBuffer(x)], [-3, isoBase64URL.toBuffer(y)]]))),
  backupEligible: false
}
