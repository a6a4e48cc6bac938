import { logout, refreshSession, type TokenReply } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { Closing } from '../sessions/close-session.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface SignInRoutesDeps {
  readonly refresh: (token: string, requestId: string) => Promise<TokenReply>
  readonly close: (closing: Closing) => Promise<boolean>
}

export function signInRoutes (app: FastifyInstance, { refresh, close }: SignInRoutesDeps): void {
  addRoute(app, refreshSession, async ({ body, request }) => await refresh(body.refresh_token, request.id))

  addRoute<typeof logout, OpenSession>(app, logout, async ({ session, request }) => {
    await close({ sessionId: session.id, reason: 'logout', requestId: request.id })
    return undefined
  })
}
