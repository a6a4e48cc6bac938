/** For programs that are handed a token and ask whether it still counts (RFC 7662), and for holders that give one back (RFC 7009). */
import { Type, type Static } from 'typebox'
import { SessionId, UserId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

/** JSON or `application/x-www-form-urlencoded`. */
const GivenToken = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 4_096 }),
  token_type_hint: Type.Optional(Type.String({ maxLength: 64, description: 'Not needed: a token tells its kind' })),
  client_id: Type.Optional(Type.String({ maxLength: 256, description: 'Sent by OAuth libraries; not used' }))
}, { additionalProperties: false, examples: [{ token: ada.accessToken }] })

const Seconds = Type.Integer({ description: 'Seconds since 1970' })

export const Introspection = Type.Object({
  active: Type.Boolean({ description: 'Whether it would be accepted now; when false nothing else is told' }),
  token_type: Type.Optional(Type.Union([Type.Literal('bearer'), Type.Literal('refresh_token'), Type.Literal('session_secret')], { description: 'Only `bearer` is an access token' })),
  sub: Type.Optional(UserId),
  sid: Type.Optional(SessionId),
  exp: Type.Optional(Seconds),
  iat: Type.Optional(Seconds),
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String())
}, {
  examples: [{
    active: true, token_type: 'bearer', sub: ada.userId, sid: ada.sessionId,
    exp: 1_772_358_360, iat: 1_772_357_460, iss: 'https://auth.example.com', aud: 'https://auth.example.com'
  }]
})
export type Introspection = Static<typeof Introspection>

export const introspectToken = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/introspect',
  operationId: 'introspectToken',
  tag: 'Sessions',
  summary: 'Whether a token still counts, and whose it is',
  description: 'RFC 7662, for access tokens, refresh tokens and session secrets. A revoked session is told within a second. Also takes a form.',
  caller: 'session',
  scope: 'tokens:introspect',
  role: 'operator',
  limit: 'service',
  body: GivenToken,
  status: 200,
  reply: Introspection,
  problems: ['malformedRequest', 'unauthorized', 'roleRequired', 'insufficientScope', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const revokeToken = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/revoke',
  operationId: 'revokeToken',
  tag: 'Sessions',
  summary: 'Give a token back: its session ends',
  description: 'RFC 7009, for access tokens, refresh tokens and session secrets. A token that is unknown or no longer good is answered alike. Also takes a form.',
  caller: 'anyone',
  limit: 'general',
  body: GivenToken,
  status: 200,
  problems: ['malformedRequest', 'schemaViolation', 'rateLimited', 'unavailable']
})
