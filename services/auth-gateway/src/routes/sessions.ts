import { deleteSession, Problem, problems, readSessions, revokeSessions } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { CloseOwnSession } from '../sessions/close-own-session.ts'
import type { ListSessions } from '../sessions/list-sessions.ts'
import type { Revocations } from '../sessions/revoke-sessions.ts'
import type { SessionCookies } from '../sessions/session-cookies.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface SessionRoutesDeps {
  readonly listSessions: ListSessions
  readonly closeOwn: CloseOwnSession
  readonly revokeSessions: Revocations['revoke']
  readonly cookies: Pick<SessionCookies, 'forget'>
}

export function sessionRoutes (app: FastifyInstance, { listSessions, closeOwn, revokeSessions: revoke, cookies }: SessionRoutesDeps): void {
  addRoute<typeof readSessions, OpenSession>(app, readSessions, async ({ query, session }) =>
    await listSessions({ userId: session.userId, currentId: session.id, limit: query.limit ?? 50, cursor: query.cursor }))

  addRoute<typeof deleteSession, OpenSession>(app, deleteSession, async ({ params, session, request, reply }) => {
    if (!await closeOwn(params.id, session.userId, request.id)) throw new Problem(problems.notFound)
    if (params.id === session.id) cookies.forget(request, reply)
    return undefined
  })

  addRoute<typeof revokeSessions, OpenSession>(app, revokeSessions, async ({ body, session, request, reply }) => {
    if (body.scope === 'all') cookies.forget(request, reply)
    const spared = body.scope === 'others' ? { spared: { sessionId: session.id } } : {}
    return { revoked: await revoke({ userId: session.userId, reason: 'revoked_by_user', requestId: request.id, ...spared }) }
  })
}
