import { Type, type Static } from 'typebox'
import { Timestamp } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, adasTokens } from './examples.ts'
import { UserView } from './user-view.ts'

export const TokenReply = Type.Object({
  access_token: Type.String({ description: 'ES256 JWT, typ at+jwt' }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.Optional(Type.String({ description: 'Absent when it was set as a cookie' })),
  session_expires_at: Timestamp,
  user: UserView
}, { examples: [adasTokens] })
export type TokenReply = Static<typeof TokenReply>

/** For browsers that keep the refresh token out of reach of their scripts. Every route that answers a TokenReply heeds it. */
export const TokenDelivery = Type.Object({
  'x-token-delivery': Type.Optional(Type.Union([Type.Literal('body'), Type.Literal('cookie')], { description: '`cookie`: the refresh token is set as the cookie `__Host-csr` (HttpOnly, Secure, SameSite=Strict) and left out of the answer; for listed origins only' }))
})

export const refreshSession = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/refresh',
  operationId: 'refreshSession',
  tag: 'Sign-in',
  summary: 'A new access token and the next refresh token',
  description: 'The token just used may be presented again within 30 seconds and gets the same successor; anything older closes the session. Without `refresh_token` the cookie `__Host-csr` is taken, from listed origins only, and set anew.',
  caller: 'anyone',
  limit: 'sign-in',
  headers: TokenDelivery,
  body: Type.Object({ refresh_token: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })) }, { additionalProperties: false, examples: [{ refresh_token: ada.refreshToken }] }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'sessionClosed', 'originRefused', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const logout = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/logout',
  operationId: 'logout',
  tag: 'Sign-in',
  summary: 'Close this session',
  caller: 'session',
  limit: 'general',
  status: 204,
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})
