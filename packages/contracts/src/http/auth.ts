import { Type, type Static } from 'typebox'
import { defineRoute } from '../route.ts'
import { UserView } from './user-view.ts'

export const TokenReply = Type.Object({
  access_token: Type.String({ description: 'ES256 JWT, typ at+jwt' }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.String(),
  user: UserView
})
export type TokenReply = Static<typeof TokenReply>

export const refreshSession = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/refresh',
  operationId: 'refreshSession',
  tag: 'Sign-in',
  summary: 'A new access token and the next refresh token',
  description: 'The token just used may be presented again within 30 seconds and gets the same successor; anything older closes the session.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({ refresh_token: Type.String({ minLength: 1, maxLength: 1_024 }) }, { additionalProperties: false }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'sessionClosed', 'schemaViolation', 'rateLimited', 'unavailable']
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
