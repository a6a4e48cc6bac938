import { deleteIdentity, Problem, problems, readIdentities, updateMe, type Profile } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { UnlinkIdentity } from '../sign-in/unlink-identity.ts'
import type { User } from '../users/user.ts'
import { userView } from '../users/user-view.ts'

export interface IdentityRoutesDeps {
  readonly unlink: UnlinkIdentity
  readonly updateUser: (userId: string, sessionId: string, changes: { username?: string, profile?: Profile }) => Promise<User | 'username taken' | undefined>
}

export function identityRoutes (app: FastifyInstance, { unlink, updateUser }: IdentityRoutesDeps): void {
  addRoute<typeof readIdentities, OpenSession>(app, readIdentities, async ({ session }) => ({ identities: session.user.identities }))

  addRoute<typeof deleteIdentity, OpenSession>(app, deleteIdentity, async ({ params, session, request }) => {
    await unlink(params.id, { userId: session.userId, sessionId: session.id, requestId: request.id })
    return undefined
  })

  addRoute<typeof updateMe, OpenSession>(app, updateMe, async ({ body, session }) => {
    const user = await updateUser(session.userId, session.id, body)
    if (user === undefined) throw new Problem(problems.unauthorized)
    if (user === 'username taken') throw new Problem(problems.usernameTaken)
    return userView(user)
  })
}
