/** For operators and administrators of the gateway. None of it moves money. */
import { Type, type Static } from 'typebox'
import { RoleSchema } from '../access.ts'
import { Cursor, Timestamp, UserId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

export const IdentityEvent = Type.Object({
  id: Type.String(),
  event: Type.String(),
  subject: Type.String({ description: 'Id of what it happened to' }),
  actor: Type.Union([Type.String(), Type.Null()]),
  request_id: Type.Union([Type.String(), Type.Null()]),
  facts: Type.Object({}, { additionalProperties: true, description: 'Ids, kinds and reasons; no addresses of people' }),
  recorded_at: Timestamp
})
export type IdentityEvent = Static<typeof IdentityEvent>

export const readIdentityAudit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/identity',
  operationId: 'readIdentityAudit',
  tag: 'Operations',
  summary: 'What happened to accounts, logins, sessions, keys and roles, newest first',
  caller: 'session',
  role: 'operator',
  scope: 'audit:read',
  limit: 'general',
  query: Type.Object({
    subject: Type.Optional(Type.String({ maxLength: 320 })),
    event: Type.Optional(Type.String({ maxLength: 64, pattern: '^[a-z_.]+$' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: Type.Optional(Cursor)
  }, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(IdentityEvent), next_cursor: Type.Union([Cursor, Type.Null()]) }, {
    examples: [{
      data: [{ id: '69a4040c5d1f2b0a7c3e9d41', event: 'session.opened', subject: ada.sessionId, actor: ada.userId, request_id: 'req-7f3a', facts: { method: 'evm' }, recorded_at: ada.signedInAt }],
      next_cursor: null
    }]
  }),
  problems: ['unauthorized', 'roleRequired', 'insufficientScope', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const setRoles = defineRoute({
  method: 'PUT',
  path: '/api/v1/users/:id/roles',
  operationId: 'setRoles',
  tag: 'Operations',
  summary: 'Set the roles of a user',
  description: 'The first administrator is made on the command line. The last one stays.',
  caller: 'session',
  role: 'admin',
  fresh: true,
  stepUp: { action: 'roles.set', resource: ['params.id', 'body.roles'] },
  limit: 'general',
  params: Type.Object({ id: UserId }),
  body: Type.Object({ roles: Type.Array(RoleSchema, { uniqueItems: true, maxItems: 3 }) }, { additionalProperties: false, examples: [{ roles: ['user', 'operator'] }] }),
  status: 200,
  reply: Type.Object({ id: UserId, roles: Type.Array(RoleSchema) }, { examples: [{ id: ada.userId, roles: ['user', 'operator'] }] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'stepUpRequired', 'roleRequired', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})
