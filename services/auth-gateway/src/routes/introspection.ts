import { introspectToken, Problem, problems, revokeToken } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { IntrospectToken } from '../sessions/introspect-token.ts'
import type { RevokeToken } from '../sessions/revoke-token.ts'

export interface IntrospectionRoutesDeps {
  readonly introspect: IntrospectToken
  readonly revokeToken: RevokeToken
}

export function introspectionRoutes (app: FastifyInstance, { introspect, revokeToken: revoke }: IntrospectionRoutesDeps): void {
  app.register(async (door) => {
    acceptForms(door)
    addRoute(door, introspectToken, async ({ body }) => await introspect(body.token))
    addRoute(door, revokeToken, async ({ body, request }) => {
      await revoke(body.token, request.id)
      return undefined
    })
  })
}

/** The form of RFC 7662 §2.1, beside JSON. A parameter may appear once (RFC 6749 §3.1). */
function acceptForms (door: FastifyInstance): void {
  door.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, async (_request: unknown, text: string) => {
    const fields = [...new URLSearchParams(text)]
    if (new Set(fields.map(([name]) => name)).size !== fields.length) throw new Problem(problems.malformedRequest)
    return Object.fromEntries(fields)
  })
}
