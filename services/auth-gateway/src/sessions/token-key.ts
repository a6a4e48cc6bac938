/**
 * One key of access tokens, through @fastify/jwt. The plugin registers only before its server is ready, and keys come and go while the
 * gateway runs: so each key has a small server of its own, which never listens.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import { publicHalf, thumbprint, type Jwk } from '@countersign/secrets'
import { fastify } from 'fastify'

export interface TokenKey {
  readonly kid: string
  /** As it is published: without its private half. */
  readonly publicJwk: Jwk
  readonly canSign: boolean
  /** First segment of its tokens. Our signer writes one header per key: it is compared as text, so no other spelling is ever parsed. */
  readonly headerSegment: string
  sign (payload: object): string
  /** @throws whatever is wrong with the token */
  verify (token: string): Record<string, unknown>
}

const algorithm = 'ES256'
const type = 'at+jwt'

/** @param jwk P-256; with `d` it signs too */
export async function createTokenKey (jwk: Jwk, issuer: string): Promise<TokenKey> {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256') throw new Error('an access token key must be a P-256 JWK')
  const kid = thumbprint(jwk)
  const publicJwk = { ...publicHalf(jwk), kid, alg: algorithm, use: 'sig' }
  const host = fastify()
  await host.register(fastifyJwt, {
    // The library takes keys as PEM and types them itself; RS-to-HS confusion ends at the fixed algorithm list.
    secret: {
      public: createPublicKey({ key: { ...publicJwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString(),
      ...jwk.d !== undefined && { private: createPrivateKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' }).toString() }
    } as { public: string, private: string },
    sign: { algorithm, kid, header: { typ: type, alg: algorithm }, iss: issuer, aud: issuer },
    verify: { algorithms: [algorithm], allowedIss: issuer, allowedAud: issuer, checkTyp: type, requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'], cache: 10_000 }
  })
  await host.ready()
  const { jwt } = host as unknown as { jwt: Pick<TokenKey, 'sign' | 'verify'> }
  return {
    kid,
    publicJwk,
    canSign: jwk.d !== undefined,
    headerSegment: Buffer.from(JSON.stringify({ alg: algorithm, typ: type, kid })).toString('base64url'),
    sign: (payload) => jwt.sign(payload),
    verify: (token) => jwt.verify(token)
  }
}
