import { Problem, problems } from '@countersign/contracts'
import type { FastifyRequest } from 'fastify'
import type { AccessTokens } from './access-token.ts'
import type { OriginCheck } from './origin-check.ts'
import type { SecretHolder, SecretHolders } from './secret-holders.ts'
import type { SessionCookies } from './session-cookies.ts'
import type { OpenSession, SessionStates } from './session-state.ts'

export interface GuardDeps {
  readonly accessTokens: Pick<AccessTokens, 'read'>
  readonly holderOf: SecretHolders
  readonly cookies: Pick<SessionCookies, 'secretIn'>
  readonly checkOrigin: OriginCheck
  readonly states: Pick<SessionStates, 'find'>
}

export type SessionGuard = (request: FastifyRequest) => Promise<OpenSession>

const changesNothing: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A credential says who; the session says whether still. One credential counts, in this order: `Authorization: Bearer` with an access token
 * (RFC 6750 §2.1: never in a query), the header `X-Session-Id`, the cookie `sessionId`; of the first that is there the others are not tried.
 * @throws Problem unauthorized, originRefused
 */
export const createSessionGuard = ({ accessTokens, holderOf, cookies, checkOrigin, states }: GuardDeps): SessionGuard => {
  return async (request) => {
    const holder = await find(request)
    const session = holder === undefined ? undefined : await states.find(holder.sessionId, holder.userId)
    if (session === undefined) throw new Problem(problems.unauthorized)
    return session
  }

  async function find (request: FastifyRequest): Promise<SecretHolder | undefined> {
    const { authorization, 'x-session-id': header } = request.headers
    if (authorization !== undefined) return bearer(authorization)
    if (header !== undefined) return typeof header === 'string' ? await holderOf(header) : undefined
    const cookie = cookies.secretIn(request)
    if (cookie === undefined) return undefined
    if (!changesNothing.has(request.method)) checkOrigin(request)
    return await holderOf(cookie)
  }

  function bearer (authorization: string): SecretHolder | undefined {
    const [scheme, token, ...rest] = authorization.split(' ')
    return scheme?.toLowerCase() === 'bearer' && token !== undefined && rest.length === 0 ? accessTokens.read(token) : undefined
  }
}
