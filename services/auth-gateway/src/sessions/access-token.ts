/** Access tokens: ES256 JWTs of RFC 9068 shape, with fixed algorithm and typed keys (RFC 8725 §3.1), under keys that may change at any time. */
import { randomUUID } from 'node:crypto'
import { thumbprint, type Jwk, type Jwks } from '@countersign/secrets'
import { createTokenKey, type TokenKey } from './token-key.ts'

export interface AccessTokenOptions {
  readonly issuer: string
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
  /** From now on this key signs and tokens of these are accepted; what was not named any more is refused at once. */
  useKeys (signing: Jwk, accepted: readonly Jwk[]): Promise<void>
  /** The accepted keys, the signing one first. */
  jwks (): Jwks
  issue (claims: AccessTokenClaims): IssuedAccessToken
  /** @returns undefined for whatever is not a token of ours in its life. */
  read (token: string): ReadAccessToken | undefined
}

/** A token of ours has about 500 characters. */
const longestToken = 2048
/** By as much a life may be shorter, so that tokens of one moment (a deployment, a morning) do not all come back for new ones at another. */
const mostJitter = 0.05
/** Of the 64 bytes of an ES256 signature. */
const signatureCharacters = 86

/** Signs nothing and accepts nothing until it is given keys. */
export function createAccessTokens ({ issuer, ttlSeconds, random }: AccessTokenOptions): AccessTokens {
  let signer: TokenKey | undefined
  /** By the first segment of their tokens: the key is chosen before anything else of a token is believed. */
  let keys: ReadonlyMap<string, TokenKey> = new Map()

  return {
    async useKeys (signing, accepted) {
      const known = new Map([...keys.values()].map((key) => [key.kid, key]))
      const chosen = new Map<string, TokenKey>()
      for (const jwk of [signing, ...accepted]) {
        const kid = thumbprint(jwk)
        if (chosen.has(kid)) continue
        const before = known.get(kid)
        chosen.set(kid, before !== undefined && before.canSign === (jwk === signing) ? before : await createTokenKey(jwk, issuer))
      }
      keys = new Map([...chosen.values()].map((key) => [key.headerSegment, key]))
      signer = chosen.get(thumbprint(signing))
    },

    jwks: () => ({ keys: [...keys.values()].map(({ publicJwk }) => publicJwk) }),

    issue ({ userId, sessionId }) {
      if (signer === undefined) throw new Error('there is no key to sign access tokens with')
      const iat = Math.floor(Date.now() / 1000)
      const expiresInSeconds = Math.round(ttlSeconds * (1 - mostJitter * random()))
      return { token: signer.sign({ sub: userId, sid: sessionId, jti: randomUUID(), iat, exp: iat + expiresInSeconds }), expiresInSeconds }
    },

    read (token) {
      if (token.length > longestToken || !hasCanonicalSignature(token)) return undefined
      const key = keys.get(token.slice(0, token.indexOf('.')))
      if (key === undefined) return undefined
      try {
        const { sub, sid, iat, exp } = key.verify(token)
        if (typeof sub !== 'string' || typeof sid !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') return undefined
        return { userId: sub, sessionId: sid, issuedAt: iat, expiresAt: exp }
      } catch {
        return undefined
      }
    }
  }
}

/** The last character of a signature carries four bits that decoding drops: another spelling of them would be a second text of one token. */
const hasCanonicalSignature = (token: string): boolean => {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return signature.length === signatureCharacters && 'AQgw'.includes(signature.charAt(signatureCharacters - 1))
}
