/** The public key of a service principal, as an operator gives it: Ed25519 or P-256, PEM or JWK. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { thumbprint, type Jwk } from '@countersign/secrets'

/** Public, in its canonical members alone. */
export type IntentKey = Pick<Jwk, 'kty' | 'crv' | 'x' | 'y'>

/** @param text SPKI in PEM, or a JWK. @throws Error for a private key, and for any other kind */
export function readIntentKey (text: string): IntentKey {
  const jwk = jwkOf(text.trim())
  const { kty, crv, x, y } = jwk
  if (jwk.d !== undefined) throw new Error('this is a private key: it stays with the program, and its public half goes here')
  if (typeof x === 'string' && kty === 'OKP' && crv === 'Ed25519') return { kty, crv, x }
  if (typeof x === 'string' && typeof y === 'string' && kty === 'EC' && crv === 'P-256') return { kty, crv, x, y }
  throw new Error('the key must be Ed25519 or P-256, as PEM (SPKI) or JWK')
}

function jwkOf (text: string): JsonWebKey {
  if (/PRIVATE KEY/.test(text)) throw new Error('this is a private key: it stays with the program, and its public half goes here')
  const given = text.startsWith('{') ? JSON.parse(text) as JsonWebKey : undefined
  // Node makes a public key of a private one without a word: that it was private is told first.
  if (given?.d !== undefined) return given
  return createPublicKey(given === undefined ? text : { key: given, format: 'jwk' }).export({ format: 'jwk' })
}

export const keyOf = (key: IntentKey): KeyObject => createPublicKey({ key: { ...key }, format: 'jwk' })

/** RFC 7638. */
export const keyIdOf = (key: IntentKey): string => thumbprint(key)
