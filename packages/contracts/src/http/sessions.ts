import { Type, type Static } from 'typebox'
import { IdentityKind } from '../access.ts'
import { Cursor, SessionId, Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, adasWallets } from './examples.ts'

export const SessionView = Type.Object({
  id: SessionId,
  method: IdentityKind,
  identity: Type.String({ description: 'The login that opened it; for wallets the CAIP-10 account, which names the network' }),
  device: Type.String({ description: 'Browser and system in short, as far as the caller told' }),
  user_agent: Type.String({ description: 'As the caller told; not to be believed' }),
  ip: Type.String({ description: 'Address, or the /64 of an IPv6 address, at sign-in' }),
  current: Type.Boolean({ description: 'The session of this request' }),
  created_at: Timestamp,
  last_seen_at: Timestamp,
  expires_at: Timestamp
})
export type SessionView = Static<typeof SessionView>

export const readSessions = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions',
  operationId: 'listSessions',
  tag: 'Sessions',
  summary: 'Own open sessions, newest first',
  caller: 'session',
  scope: 'sessions:read',
  limit: 'general',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
    cursor: Type.Optional(Cursor)
  }, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(SessionView), next_cursor: Type.Union([Cursor, Type.Null()]) }, {
    examples: [{
      data: [{
        id: ada.sessionId, method: 'evm', identity: adasWallets.evm.account, device: 'Firefox on Linux', user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
        ip: '203.0.113.9', current: true, created_at: ada.signedInAt, last_seen_at: ada.signedInAt, expires_at: ada.sessionEndsAt
      }],
      next_cursor: null
    }]
  }),
  problems: ['unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const deleteSession = defineRoute({
  method: 'DELETE',
  path: '/api/v1/sessions/:id',
  operationId: 'closeSession',
  tag: 'Sessions',
  summary: 'Close one of the own sessions',
  description: 'A session of one\'s own that is closed already answers the same. Every process refuses its tokens within a second.',
  caller: 'session',
  limit: 'general',
  params: Type.Object({ id: SessionId }),
  status: 204,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const revokeSessions = defineRoute({
  method: 'POST',
  path: '/api/v1/sessions/revoke',
  operationId: 'revokeSessions',
  tag: 'Sessions',
  summary: 'Close all own sessions, or all others',
  description: 'Also ends sign-ins that are under way at this moment: none of them outlives this call. Every process refuses the tokens within a second.',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ scope: Type.Union([Type.Literal('others'), Type.Literal('all')]) }, { additionalProperties: false, examples: [{ scope: 'others' }] }),
  status: 200,
  reply: Type.Object({ revoked: Type.Integer({ description: 'How many were open' }) }, { examples: [{ revoked: 2 }] }),
  problems: ['malformedRequest', 'unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})
