/**
 * Where a refresh token goes: into the answer, or into a cookie when the caller asks for it (header `X-Token-Delivery: cookie`) or sent it
 * as one. It watches every route that answers a TokenReply, so that no way of signing in has to think of it.
 */
import { TokenDelivery, TokenReply } from '@countersign/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { OriginCheck } from './origin-check.ts'
import type { SessionCookies } from './session-cookies.ts'

export interface TokenDeliveryDeps {
  readonly cookies: Pick<SessionCookies, 'setRefresh' | 'refreshIn'>
  readonly checkOrigin: OriginCheck
}

/** Call it before the routes are registered. */
export function deliverTokens (app: FastifyInstance, { cookies, checkOrigin }: TokenDeliveryDeps): void {
  const asked = ({ headers }: FastifyRequest): boolean => headers['x-token-delivery'] === 'cookie'
  const cameAsCookie = (request: FastifyRequest): boolean =>
    cookies.refreshIn(request) !== undefined && (request.body as { refresh_token?: string } | null)?.refresh_token === undefined

  const check = async (request: FastifyRequest): Promise<void> => {
    if (asked(request)) checkOrigin(request)
  }
  const deliver = (refreshes: boolean) => async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> => {
    if (!asked(request) && !(refreshes && cameAsCookie(request))) return payload
    const { refresh_token: token, ...rest } = payload as TokenReply
    if (token === undefined) return payload
    cookies.setRefresh(reply, token, new Date(rest.session_expires_at))
    return rest
  }

  app.addHook('onRoute', (route: RouteOptions) => {
    const contract = route.config?.contract
    if (contract === undefined || (contract.reply !== TokenReply && contract.headers !== TokenDelivery)) return
    const takesRefresh = contract.body?.properties['refresh_token'] !== undefined
    route.onRequest = [...[route.onRequest ?? []].flat(), check]
    route.preSerialization = [...[route.preSerialization ?? []].flat(), deliver(takesRefresh)]
  })
}
