/**
 * How a program (a service principal) says that a request is its own: a compact JWS (RFC 7515) by the key that an operator granted, over the
 * very request, its idempotency key and this deployment. The gateway carries it and can change nothing that it says.
 */
import { Type, type Static } from 'typebox'
import { IdempotencyKey, UserId } from './primitives.ts'

/** RFC 8725 §3.11: no other token of ours can be taken for one. */
export const serviceIntentType = 'countersign-intent+jwt'

/** The header of `POST /api/v1/transactions` that carries it: the body stays exactly what was hashed. */
export const serviceIntentHeader = 'transaction-intent'

/** Longest time between `iat` and `exp`, and how far ahead of the signer's database the clock of a program may be. */
export const serviceIntentSeconds = 300
export const serviceIntentSkewSeconds = 30

export const ServiceIntentClaims = Type.Object({
  iss: Type.Unsafe<string>({ ...UserId, description: 'The principal: the account that the API key belongs to' }),
  aud: Type.String({ minLength: 1, maxLength: 64, description: 'DEPLOYMENT_ID' }),
  jti: Type.String({ pattern: '^[A-Za-z0-9_-]{16,64}$', maxLength: 64, description: 'Random, never used again' }),
  iat: Type.Integer({ minimum: 0, description: 'Seconds since the epoch' }),
  exp: Type.Integer({ minimum: 0, description: `At most ${serviceIntentSeconds} seconds after iat` }),
  idempotency_key: IdempotencyKey,
  request_sha256: Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64, description: 'SHA-256 of the body in canonical form (RFC 8785), hex' })
}, { additionalProperties: false })
export type ServiceIntentClaims = Static<typeof ServiceIntentClaims>

/**
 * A body as RFC 8785 writes it: members sorted by name, nothing between them. Bodies of this API hold texts, whole numbers, truth values,
 * lists and objects, and nothing that the two spell in more than one way.
 */
export const canonicalRequest = (body: unknown): string => JSON.stringify(body, (_name, value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value)
