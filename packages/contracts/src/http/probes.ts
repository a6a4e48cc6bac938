/** What programs read without being anybody: whether the house is up, and the keys and origins that others check against. */
import { Type } from 'typebox'
import { Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const Link = Type.Unsafe<'connected' | 'disconnected'>({ type: 'string', enum: ['connected', 'disconnected'] })
const Word = Type.Unsafe<'healthy' | 'unhealthy'>({ type: 'string', enum: ['healthy', 'unhealthy'] })
const health = Type.Object({
  status: Word,
  environment: Type.String(),
  database: Link,
  redis: Link,
  email_service: Link,
  timestamp: Timestamp
}, { examples: [{ status: 'healthy', environment: 'production', database: 'connected', redis: 'connected', email_service: 'connected', timestamp: ada.signedInAt }] })

const probe = { method: 'GET', caller: 'anyone', status: 200 } as const
const mayBeDown = { status: 503, description: 'The same answer, when it is down' } as const

export const readHealth = defineRoute({
  ...probe,
  path: '/health',
  operationId: 'readHealth',
  tag: 'Probes',
  summary: 'Whether the gateway can work',
  description: 'Up means that MongoDB and Redis answer. Tells no counts, versions or causes.',
  limit: 'none',
  orStatus: mayBeDown,
  reply: health,
  problems: []
})

export const readJwks = defineRoute({
  ...probe,
  path: '/.well-known/jwks.json',
  operationId: 'readJwks',
  tag: 'Probes',
  summary: 'The keys that access tokens are verified with',
  description: 'RFC 7517. May be kept for as long as its `Cache-Control` says.',
  limit: 'general',
  reply: Type.Object({ keys: Type.Array(Type.Unsafe<object>({ type: 'object', required: ['kid', 'kty'], properties: { kid: { type: 'string' }, kty: { type: 'string' } }, additionalProperties: true })) }, {
    examples: [{ keys: [{ kid: 'Ou3qzZPqVF3y8o2nXc7kq1pGBHyYqD0tUZ9c2d4oUIA', kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }] }]
  }),
  problems: ['rateLimited']
})

export const readPasskeyOrigins = defineRoute({
  ...probe,
  path: '/.well-known/webauthn',
  operationId: 'readPasskeyOrigins',
  tag: 'Probes',
  summary: 'Which pages on other domains may ask for passkeys of this one',
  description: 'Related origins, WebAuthn level 3 §5.11: browsers ask.',
  limit: 'general',
  reply: Type.Object({ origins: Type.Array(Type.String()) }, { examples: [{ origins: ['https://app.example.com'] }] }),
  problems: ['rateLimited']
})

const earlier = { ...probe, tag: 'Earlier systems' } as const

export const ping = defineRoute({
  ...earlier,
  path: '/api/v1/ping',
  operationId: 'ping',
  summary: 'Whether somebody is there',
  limit: 'general',
  reply: Type.Object({ message: Type.Literal('pong') }, { examples: [{ message: 'pong' }] }),
  problems: ['rateLimited']
})

export const readApiStatus = defineRoute({
  ...earlier,
  path: '/api/v1/status',
  operationId: 'readApiStatus',
  summary: 'What `/health` tells',
  limit: 'general',
  reply: health,
  problems: ['rateLimited']
})

export const readGatewayStatus = defineRoute({
  ...earlier,
  path: '/api/status',
  operationId: 'readGatewayStatus',
  summary: 'Whether the gateway is up',
  limit: 'none',
  reply: Type.Object({ success: Type.Literal(true), data: Type.Object({ status: Type.Literal('ok'), timestamp: Timestamp }), message: Type.String() }, {
    examples: [{ success: true, data: { status: 'ok', timestamp: ada.signedInAt }, message: 'The gateway is up' }]
  }),
  problems: []
})

export const readWalletHealth = defineRoute({
  ...earlier,
  path: '/api/wallet/health',
  operationId: 'readWalletHealth',
  summary: 'Counts of wallet connections',
  limit: 'none',
  orStatus: mayBeDown,
  reply: Type.Object({
    status: Word,
    timestamp: Timestamp,
    metrics: Type.Optional(Type.Object({ totalWalletConnections: Type.Integer(), activeSessions: Type.Integer(), memoryUsageMb: Type.Integer() })),
    error: Type.Optional(Type.Literal('unavailable'))
  }, { examples: [{ status: 'healthy', timestamp: ada.signedInAt, metrics: { totalWalletConnections: 1_204, activeSessions: 310, memoryUsageMb: 118 } }] }),
  problems: []
})

export const probeRoutes = [readHealth, readJwks, readPasskeyOrigins, ping, readApiStatus, readGatewayStatus, readWalletHealth] as const
