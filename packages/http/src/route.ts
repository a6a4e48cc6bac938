/** From a route's contract to a Fastify route: validated, typed, serialised and documented from one place. */
import type { Route, RouteReply, RouteRequest } from '@countersign/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import './augmentation.ts'

export type RouteGiven<R extends Route, Session = unknown> = RouteRequest<R> & {
  readonly request: FastifyRequest
  /** For headers of the answer; the answer itself is what the handler returns. */
  readonly reply: FastifyReply
  readonly session: R['caller'] extends 'session' ? Session : undefined
}
export type RouteHandler<R extends Route, Session = unknown> = (given: RouteGiven<R, Session>) => Promise<RouteReply<R>>

/** @throws at start when the schema cannot be compiled or a session route has no guard */
export const addRoute = <R extends Route, Session = unknown>(app: FastifyInstance, route: R, handler: RouteHandler<R, Session>): void => {
  app.route({
    method: route.method,
    url: urlOf(route),
    schema: schemaOf(route),
    config: { contract: route, limit: route.limit },
    handler: async (request, reply) => {
      const { body, params, query, headers } = request
      const session = route.caller === 'session' ? request.session : undefined
      const answer = await handler({ body, params, query, headers, request, reply, session } as unknown as RouteGiven<R, Session>)
      if (reply.statusCode !== route.orStatus?.status) reply.code(route.status)
      return route.reply === undefined ? reply.send() : answer
    }
  })
}

/** Only what matches `segments` is this route's: `/things/:id` beside a later `/things/balance`. */
const urlOf = ({ path, segments = {} }: Route): string => path.replace(/:([A-Za-z_]+)/g, (whole, name: string) => segments[name] === undefined ? whole : `${whole}(${segments[name]})`)

/** `addRoute` for one server and one kind of session, so that handlers get it typed. */
export const routesOf = <Session>(app: FastifyInstance) =>
  <const R extends Route>(route: R, handler: RouteHandler<R, Session>): void => addRoute(app, route, handler)

function schemaOf ({ operationId, tag, summary, description, caller, scope, headers, params, query, body, status, orStatus, reply }: Route): FastifySchema {
  return {
    operationId,
    tags: [tag],
    summary,
    ...description !== undefined && { description },
    ...caller === 'session' && { security: [{ bearer: [] }, { session_id: [] }, ...scope === undefined ? [] : [{ api_key: [] }]] },
    ...headers && { headers },
    ...params && { params },
    ...query && { querystring: query },
    ...body && { body },
    response: { [status]: reply ?? { type: 'null' }, ...orStatus && { [orStatus.status]: reply } }
  } as FastifySchema
}
