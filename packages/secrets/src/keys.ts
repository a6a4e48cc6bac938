/** Signing keys as JWK: Ed25519 for receipts, P-256 for access tokens. */
import { createHash, generateKeyPairSync } from 'node:crypto'

/** An OKP or EC key (RFC 7517, RFC 8037); `d` makes it private. */
export interface Jwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y?: string
  readonly d?: string
  readonly kid?: string
  readonly alg?: string
  readonly use?: string
}

export interface Jwks { readonly keys: readonly Jwk[] }

export interface GeneratedKey {
  readonly privateJwk: Jwk
  readonly publicJwk: Jwk
  /** RFC 7638 thumbprint; the `kid` of both halves. */
  readonly kid: string
}

/** @returns a fresh Ed25519 key for receipts. */
export const generateReceiptKey = (): GeneratedKey => asGenerated(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), 'EdDSA')

/** @returns a fresh P-256 key for ES256 access tokens. */
export const generateAccessTokenKey = (): GeneratedKey =>
  asGenerated(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), 'ES256')

/** @returns RFC 7638 SHA-256 thumbprint in base64url: the same for both halves of a key. */
export function thumbprint ({ kty, crv, x, y }: Jwk): string {
  // Required members only, in the order of their names (§3.2).
  const members = kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

/** @returns the key without its private part. */
export function publicHalf ({ d: _private, ...rest }: Jwk): Jwk {
  return rest
}

function asGenerated (exported: object, alg: string): GeneratedKey {
  const key = exported as Jwk
  const kid = thumbprint(key)
  const privateJwk = { ...key, kid, alg, use: 'sig' }
  return { privateJwk, publicJwk: publicHalf(privateJwk), kid }
}
