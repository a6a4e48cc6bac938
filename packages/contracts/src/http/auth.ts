import { Type, type Static } from 'typebox'
import { ChainId, ChallengeId, EmailAddress, EvmAddress, Timestamp, UserId } from '../primitives.ts'
import { defineRoute } from '../route.ts'

export const IdentityView = Type.Object({
  id: Type.String({ description: 'CAIP-10 account id, canonical address' }),
  kind: Type.Literal('evm'),
  address: EvmAddress,
  added_at: Timestamp
})

export const UserView = Type.Object({
  id: UserId,
  username: Type.String(),
  email: Type.Union([EmailAddress, Type.Null()], { description: 'The proved address, as this user sees it' }),
  identities: Type.Array(IdentityView),
  created_at: Timestamp
})
export type UserView = Static<typeof UserView>

export const TokenReply = Type.Object({
  access_token: Type.String({ description: 'ES256 JWT, typ at+jwt' }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.String(),
  user: UserView
})
export type TokenReply = Static<typeof TokenReply>

export const challengeEvm = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/evm/challenge',
  operationId: 'challengeEvm',
  tag: 'Sign-in',
  summary: 'The EIP-4361 message for a wallet to sign',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({ address: EvmAddress, chain_id: Type.Optional(ChainId) }, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ challenge_id: ChallengeId, message: Type.String(), nonce: Type.String(), expires_at: Timestamp }),
  problems: ['malformedRequest', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const verifyEvm = defineRoute({
  method: 'POST',
  path: '/api/v1/auth/evm/verify',
  operationId: 'verifyEvm',
  tag: 'Sign-in',
  summary: 'Sign in with the signed message',
  description: 'The challenge is used up by this call, right or wrong. A wrong signature, an unknown, used or expired challenge and any other text answer alike.',
  caller: 'anyone',
  limit: 'sign-in',
  body: Type.Object({
    address: EvmAddress,
    signed_message: Type.String({ description: 'Exactly the message of the challenge' }),
    signature: Type.String({ description: '65 bytes, 0x hex' }),
    challenge_id: Type.Optional(ChallengeId),
    username: Type.Optional(Type.String({ minLength: 3, maxLength: 50, pattern: '^[A-Za-z0-9_.-]+$' }))
  }, { additionalProperties: false }),
  status: 200,
  reply: TokenReply,
  problems: ['malformedRequest', 'proofRejected', 'schemaViolation', 'rateLimited', 'unavailable']
})

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
