import { Problem, problems } from '@countersign/contracts'
import type { FastifyRequest } from 'fastify'
import type { AccessTokens } from './access-token.ts'
import type { OpenSession, SessionStates } from './session-state.ts'

export interface GuardDeps {
  readonly accessTokens: Pick<AccessTokens, 'read'>
  readonly states: Pick<SessionStates, 'find'>
}

export type SessionGuard = (request: FastifyRequest) => Promise<OpenSession>

/**
 * A token says who; the session says whether still (RFC 6750 §2.1: the header alone, never a query).
 * @throws Problem unauthorized
 */
export const createSessionGuard = ({ accessTokens, states }: GuardDeps): SessionGuard => async (request) => {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) throw new Problem(problems.unauthorized)
  const claims = accessTokens.read(token)
  const session = claims === undefined ? undefined : await states.find(claims.sessionId, claims.userId)
  if (session === undefined) throw new Problem(problems.unauthorized)
  return session
}
