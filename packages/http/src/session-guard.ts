import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'

export type SessionGuard = (request: FastifyRequest) => Promise<unknown>

/**
 * Puts the guard before every route whose contract says `session`, whoever registers it.
 * It runs before the body is read: strangers do not get to upload.
 */
export const guardSessions = (app: FastifyInstance, guard: SessionGuard | undefined): void => {
  app.decorateRequest('session', null)
  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.config?.contract?.caller !== 'session') return
    if (guard === undefined) throw new Error(`the route ${route.url} is for sessions, but the server was given no session guard`)
    const authenticate = async (request: FastifyRequest): Promise<void> => {
      request.session = await guard(request)
    }
    route.onRequest = [authenticate, ...[route.onRequest ?? []].flat()]
  })
}
