import { createApiKey, deleteApiKey, readApiKeys, rotateApiKey } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiKeyView } from '../api-keys/api-key.ts'
import type { Maker, ManageApiKeys } from '../api-keys/manage-api-keys.ts'
import type { OpenSession } from '../sessions/session-state.ts'

export interface ApiKeyRoutesDeps {
  readonly apiKeys: ManageApiKeys
}

const usualOverlapHours = 24
const makerOf = ({ id, userId, identityId }: OpenSession, request: FastifyRequest): Maker => ({ userId, sessionId: id, identityId: identityId ?? '', requestId: request.id })

export function apiKeyRoutes (app: FastifyInstance, { apiKeys }: ApiKeyRoutesDeps): void {
  addRoute<typeof createApiKey, OpenSession>(app, createApiKey, async ({ body, session, request, reply }) => {
    const { name, scopes, mode, expires_in_days: expiresInDays, networks, max_per_minute: maxPerMinute } = body
    void reply.header('cache-control', 'no-store')
    return await apiKeys.create({
      name, scopes, ...mode && { mode }, ...networks && { networks },
      ...expiresInDays !== undefined && { expiresInDays }, ...maxPerMinute !== undefined && { maxPerMinute }
    }, makerOf(session, request))
  })

  addRoute<typeof readApiKeys, OpenSession>(app, readApiKeys, async ({ session }) => ({ data: (await apiKeys.list(session.userId)).map(apiKeyView) }))

  addRoute<typeof rotateApiKey, OpenSession>(app, rotateApiKey, async ({ params, body, session, request, reply }) => {
    void reply.header('cache-control', 'no-store')
    return await apiKeys.rotate(params.id, body.overlap_hours ?? usualOverlapHours, makerOf(session, request))
  })

  addRoute<typeof deleteApiKey, OpenSession>(app, deleteApiKey, async ({ params, session, request }) => {
    await apiKeys.revoke(params.id, makerOf(session, request))
    return undefined
  })
}
