/** Public keys of secp256k1 as people hand them on. */
import { createPublicKey, type KeyObject } from 'node:crypto'

/** SubjectPublicKeyInfo (RFC 5480 §2) of secp256k1 up to the point: 0x04, x, y. */
const spkiHead = Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex')

/** @param point 65 bytes: 0x04, x, y. @throws Error when it is no point of the curve */
export function publicKeyOf (point: Uint8Array): KeyObject {
  if (point.length !== 65 || point[0] !== 4) throw new TypeError('a public key is 65 bytes that begin with 04')
  return createPublicKey({ key: Buffer.concat([spkiHead, point]), format: 'der', type: 'spki' })
}

export const pemOfPublicKey = (point: Uint8Array): string => publicKeyOf(point).export({ type: 'spki', format: 'pem' }) as string

/** @param text 65 bytes as 0x hex, or a PEM document. @throws TypeError for anything else, and for a key of another curve */
export function readPublicKey (text: string): KeyObject {
  const trimmed = text.trim()
  const key = /^(0x)?04[0-9a-f]{128}$/i.test(trimmed) ? publicKeyOf(Buffer.from(trimmed.replace(/^0x/i, ''), 'hex')) : fromPem(trimmed)
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'secp256k1') throw new TypeError('not a public key of secp256k1')
  return key
}

function fromPem (text: string): KeyObject {
  if (!text.includes('BEGIN PUBLIC KEY')) throw new TypeError('neither 65 bytes in hex (04…) nor a PEM document')
  return createPublicKey(text)
}
