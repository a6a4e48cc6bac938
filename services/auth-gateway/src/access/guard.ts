/** Who may call a route, by the route's contract: the one door for sessions and keys. */
import { holdsRole, Problem, problems, type Role, type Route } from '@countersign/contracts'
import { clientAddress, clientIp } from '@countersign/http'
import type { FastifyRequest } from 'fastify'
import type { ApiKeyGuard } from '../api-keys/api-key-guard.ts'
import type { Assurance } from './assurance.ts'
import type { Refusals } from './refusals.ts'
import type { SessionGuard } from '../sessions/session-guard.ts'
import { userView } from '../users/user-view.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface AccessDeps {
  readonly bySession: SessionGuard
  readonly byKey: ApiKeyGuard
  readonly refusals: Refusals
  /** As they are now: a role that was taken away opens nothing, whatever a copy says. */
  readonly rolesOf: (userId: string) => Promise<readonly Role[]>
  readonly assurance: Pick<Assurance, 'check'>
}

/** What a route handler learns of an API key's holder: no session, hence no more than the user and the key's id. */
export type KeyHolder = Pick<OpenSession, 'id' | 'userId' | 'user'>

/** @throws Problem unauthorized, freshProofRequired, stepUpRequired, roleRequired, insufficientScope, rateLimited */
export const createAccessGuard = (deps: AccessDeps) => async (request: FastifyRequest): Promise<OpenSession | KeyHolder> => {
  if (request.routeOptions.config.contract?.limit !== 'service') return await admit(deps, request)
  const ip = clientIp(request)
  deps.refusals.check(ip)
  try {
    return await admit(deps, request)
  } catch (error) {
    if (error instanceof Problem && error.kind === problems.unauthorized) await deps.refusals.note(ip)
    throw error
  }
}

async function admit ({ bySession, byKey, assurance, rolesOf }: AccessDeps, request: FastifyRequest): Promise<OpenSession | KeyHolder> {
  const { role, scope } = request.routeOptions.config.contract ?? {} as Partial<Route>
  const text = keyIn(request)
  if (text !== undefined) {
    const { key, user } = await byKey(text, clientAddress(request), scope)
    return { id: key.id, userId: user.id, user: userView(user) }
  }
  const session = await bySession(request)
  if (role !== undefined && !holdsRole(await rolesOf(session.userId), role)) throw new Problem(problems.roleRequired)
  await assurance.check(request, session)
  return session
}

/** `Authorization: Bearer sk_…` or `X-Api-Key`; the header for tokens wins, whatever it holds. */
function keyIn ({ headers }: FastifyRequest): string | undefined {
  const { authorization, 'x-api-key': other } = headers
  if (authorization !== undefined) return /^bearer (sk_\S+)$/i.exec(authorization)?.[1]
  return other === undefined ? undefined : String(other)
}
