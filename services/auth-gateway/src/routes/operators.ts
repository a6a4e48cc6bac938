import { Problem, problems, readIdentityAudit, setRoles, type Role } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { KeyHolder } from '../access/guard.ts'
import type { ReadAudit } from '../operators/read-audit.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface OperatorRoutesDeps {
  readonly readAudit: ReadAudit
  readonly setUserRoles: (change: { userId: string, roles: readonly Role[], actor: string, sessionId: string, requestId: string }) => Promise<Role[] | 'last admin' | undefined>
}

export function operatorRoutes (app: FastifyInstance, { readAudit, setUserRoles }: OperatorRoutesDeps): void {
  addRoute<typeof readIdentityAudit, KeyHolder>(app, readIdentityAudit, async ({ query: { subject, event, limit = 50, cursor } }) => {
    const { data, nextCursor } = await readAudit({ ...subject !== undefined && { subject }, ...event !== undefined && { event } }, limit, cursor)
    return { data, next_cursor: nextCursor }
  })

  addRoute<typeof setRoles, OpenSession>(app, setRoles, async ({ params: { id }, body, session, request }) => {
    const now = await setUserRoles({ userId: id, roles: body.roles, actor: session.userId, sessionId: session.id, requestId: request.id })
    if (now === undefined) throw new Problem(problems.notFound)
    if (now === 'last admin') throw new Problem(problems.stateConflict, { detail: 'The last administrator stays. Make another one first.' })
    return { id, roles: now }
  })
}
