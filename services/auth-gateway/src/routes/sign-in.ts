import { logout, Problem, problems, refreshSession, type TokenReply } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { Closing } from '../sessions/close-session.ts'
import type { OriginCheck } from '../sessions/origin-check.ts'
import type { SessionCookies } from '../sessions/session-cookies.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface SignInRoutesDeps {
  readonly refresh: (token: string, requestId: string) => Promise<TokenReply>
  readonly close: (closing: Closing) => Promise<boolean>
  readonly cookies: Pick<SessionCookies, 'refreshIn' | 'forget'>
  readonly checkOrigin: OriginCheck
}

export function signInRoutes (app: FastifyInstance, { refresh, close, cookies, checkOrigin }: SignInRoutesDeps): void {
  addRoute(app, refreshSession, async ({ body, request }) => {
    if (body.refresh_token !== undefined) return await refresh(body.refresh_token, request.id)
    checkOrigin(request)
    const token = cookies.refreshIn(request)
    if (token === undefined) throw new Problem(problems.sessionClosed)
    return await refresh(token, request.id)
  })

  addRoute<typeof logout, OpenSession>(app, logout, async ({ session, request, reply }) => {
    await close({ sessionId: session.id, reason: 'logout', requestId: request.id })
    cookies.forget(request, reply)
    return undefined
  })
}
