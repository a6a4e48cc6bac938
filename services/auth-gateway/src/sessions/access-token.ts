/** Access tokens: ES256 JWTs of RFC 9068 shape, through @fastify/jwt with fixed algorithm and typed keys (RFC 8725 §3.1). */
import { createPrivateKey, createPublicKey, randomUUID, type KeyObject } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import { publicHalf, thumbprint, type Jwk, type Jwks } from '@countersign/secrets'
import type { FastifyInstance } from 'fastify'

export interface AccessTokenOptions {
  readonly issuer: string
  /** P-256, with `d`. */
  readonly privateJwk: Jwk
  /** Whose tokens are still good after a rotation. */
  readonly previousJwks?: Jwks
  readonly ttlSeconds: number
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number
}

export interface AccessTokenClaims {
  readonly userId: string
  readonly sessionId: string
}

export interface ReadAccessToken extends AccessTokenClaims {
  /** Seconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface IssuedAccessToken {
  readonly token: string
  readonly expiresInSeconds: number
}

export interface AccessTokens {
  readonly jwks: Jwks
  issue (claims: AccessTokenClaims): IssuedAccessToken
  /** @returns undefined for whatever is not a token of ours in its life. */
  read (token: string): ReadAccessToken | undefined
}

interface NamespacedJwt {
  sign (payload: object): string
  verify (token: string): Record<string, unknown>
}

const algorithm = 'ES256'
const type = 'at+jwt'
/** A token of ours has about 500 characters. */
const longestToken = 2048
/** By as much a life may be shorter, so that tokens of one moment (a deployment, a morning) do not all come back for new ones at another. */
const mostJitter = 0.05
/** Of the 64 bytes of an ES256 signature. */
const signatureCharacters = 86

/** Registers one verifier per key, chosen by the `kid` of the header before anything else is believed. */
export async function createAccessTokens (app: FastifyInstance, { issuer, privateJwk, previousJwks, ttlSeconds, random }: AccessTokenOptions): Promise<AccessTokens> {
  const kid = thumbprint(privateJwk)
  assertP256(privateJwk)
  const current = { ...publicHalf(privateJwk), kid, alg: algorithm, use: 'sig' }
  const older = (previousJwks?.keys ?? []).map((jwk) => ({ ...publicHalf(jwk), kid: thumbprint(jwk), alg: algorithm, use: 'sig' }))

  const verifiers = new Map<string, NamespacedJwt['verify']>()
  for (const jwk of [current, ...older]) {
    assertP256(jwk)
    const privateKey = jwk === current ? createPrivateKey({ key: { ...privateJwk }, format: 'jwk' }) : undefined
    const namespaced = await register(app, jwk.kid, createPublicKey({ key: { ...jwk }, format: 'jwk' }), privateKey)
    verifiers.set(headerSegment(jwk.kid), namespaced.verify)
  }
  const signer = namespaceOf(app, kid)

  return {
    jwks: { keys: [current, ...older] },
    issue ({ userId, sessionId }) {
      const iat = Math.floor(Date.now() / 1000)
      const expiresInSeconds = Math.round(ttlSeconds * (1 - mostJitter * random()))
      return { token: signer.sign({ sub: userId, sid: sessionId, jti: randomUUID(), iat, exp: iat + expiresInSeconds }), expiresInSeconds }
    },
    read (token) {
      if (token.length > longestToken || !hasCanonicalSignature(token)) return undefined
      const verify = verifiers.get(token.slice(0, token.indexOf('.')))
      if (verify === undefined) return undefined
      try {
        const { sub, sid, iat, exp } = verify(token)
        if (typeof sub !== 'string' || typeof sid !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') return undefined
        return { userId: sub, sessionId: sid, issuedAt: iat, expiresAt: exp }
      } catch {
        return undefined
      }
    }
  }

  async function register (server: FastifyInstance, keyId: string, publicKey: KeyObject, privateKey?: KeyObject): Promise<NamespacedJwt> {
    await server.register(fastifyJwt, {
      namespace: keyId,
      // The library takes keys as PEM and types them itself; RS-to-HS confusion ends at the fixed algorithm list.
      secret: {
        public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        ...(privateKey === undefined ? {} : { private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() })
      } as { public: string, private: string },
      sign: { algorithm, kid: keyId, header: { typ: type, alg: algorithm }, iss: issuer, aud: issuer },
      verify: { algorithms: [algorithm], allowedIss: issuer, allowedAud: issuer, checkTyp: type, requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'], cache: 10_000 }
    })
    return namespaceOf(server, keyId)
  }
}

const namespaceOf = (app: FastifyInstance, kid: string): NamespacedJwt =>
  (app.jwt as unknown as Record<string, NamespacedJwt>)[kid] as NamespacedJwt

/** The last character of a signature carries four bits that decoding drops: another spelling of them would be a second text of one token. */
const hasCanonicalSignature = (token: string): boolean => {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return signature.length === signatureCharacters && 'AQgw'.includes(signature.charAt(signatureCharacters - 1))
}

/** Our signer writes one header per key: it is compared as text, so no other spelling of a header is ever parsed. */
const headerSegment = (kid: string): string => Buffer.from(JSON.stringify({ alg: algorithm, typ: type, kid })).toString('base64url')

function assertP256 ({ kty, crv }: Jwk): void {
  if (kty !== 'EC' || crv !== 'P-256') throw new Error('an access token key must be a P-256 JWK')
}
