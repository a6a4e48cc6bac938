import { Type, type Static } from 'typebox'
import { ScopeSchema } from '../access.ts'
import { ApiKeyId, ShownLine, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const example = {
  id: ada.apiKeyId, name: 'nightly report', shown: `sk_live_…${ada.apiKey.slice(-4)}`, scopes: ['transactions:read'], networks: ['203.0.113.0/24'], max_per_minute: 600,
  created_at: ada.signedInAt, expires_at: '2026-05-30T09:31:00.000Z', last_used_at: null, revoked_at: null
}

export const ApiKeyView = Type.Object({
  id: ApiKeyId,
  name: Type.String(),
  shown: Type.String({ description: 'Beginning and end of the key, to tell keys apart' }),
  scopes: Type.Array(ScopeSchema),
  networks: Type.Array(Type.String({ description: 'CIDR blocks that may use it; none: any' })),
  max_per_minute: Type.Integer(),
  created_at: Timestamp,
  expires_at: Type.Union([Timestamp, Type.Null()]),
  last_used_at: Type.Union([Timestamp, Type.Null()], { description: 'To the minute' }),
  revoked_at: Type.Union([Timestamp, Type.Null()])
}, { examples: [example] })
export type ApiKeyView = Static<typeof ApiKeyView>

/** The only answers that ever hold a key. */
export const NewApiKey = Type.Object({ ...ApiKeyView.properties, key: Type.String({ description: 'Shown this once' }) }, { examples: [{ ...example, key: ada.apiKey }] })
export type NewApiKey = Static<typeof NewApiKey>

const Cidr = Type.String({ maxLength: 49, pattern: '^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$', description: 'Address or CIDR block, IPv4 or IPv6' })

export const createApiKey = defineRoute({
  method: 'POST',
  path: '/api/v1/api-keys',
  operationId: 'createApiKey',
  tag: 'API keys',
  summary: 'Make an API key; it is shown once',
  description: 'Its scopes are no wider than what its maker may do, at every use. Only a hash of it is kept.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'api_keys.create', resource: ['body.scopes'], narrowedBy: ['body.expires_in_days', 'body.networks', 'body.max_per_minute'] },
  limit: 'general',
  body: Type.Object({
    name: ShownLine(100),
    scopes: Type.Array(ScopeSchema, { minItems: 1, uniqueItems: true }),
    mode: Type.Optional(Type.Union([Type.Literal('live'), Type.Literal('test')], { description: 'A production gateway refuses `test` keys. Default: what this gateway takes' })),
    expires_in_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
    networks: Type.Optional(Type.Array(Cidr, { maxItems: 8 })),
    max_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 }))
  }, { additionalProperties: false, examples: [{ name: 'nightly report', scopes: ['transactions:read'], expires_in_days: 90 }] }),
  status: 201,
  reply: NewApiKey,
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'roleRequired', 'tooMany', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const readApiKeys = defineRoute({
  method: 'GET',
  path: '/api/v1/api-keys',
  operationId: 'readApiKeys',
  tag: 'API keys',
  summary: 'Own API keys, without the keys',
  caller: 'session',
  limit: 'general',
  status: 200,
  reply: Type.Object({ data: Type.Array(ApiKeyView) }, { examples: [{ data: [example] }] }),
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})

export const rotateApiKey = defineRoute({
  method: 'POST',
  path: '/api/v1/api-keys/:id/rotate',
  operationId: 'rotateApiKey',
  tag: 'API keys',
  summary: 'A successor with the same rights; the old key goes on for a while',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'api_keys.rotate', resource: ['params.id'] },
  limit: 'general',
  params: Type.Object({ id: ApiKeyId }),
  body: Type.Object({ overlap_hours: Type.Optional(Type.Integer({ minimum: 0, maximum: 168, description: '24 when absent' })) }, { additionalProperties: false, examples: [{ overlap_hours: 24 }] }),
  status: 201,
  reply: NewApiKey,
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const deleteApiKey = defineRoute({
  method: 'DELETE',
  path: '/api/v1/api-keys/:id',
  operationId: 'deleteApiKey',
  tag: 'API keys',
  summary: 'Revoke a key, everywhere within a second',
  caller: 'session',
  limit: 'general',
  params: Type.Object({ id: ApiKeyId }),
  status: 204,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})
