/** Browsers of listed origins may call with credentials. All others get no CORS headers, which is how a browser is refused. */
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

const requestHeaders = [
  'content-type', 'authorization', 'idempotency-key', 'x-request-id', 'x-session-id', 'x-api-key', 'x-token-delivery',
  // Of the earlier systems' browser programs.
  'x-network', 'x-wallet-address', 'x-browser', 'x-os', 'x-app-version'
]
const replyHeaders = ['x-request-id', 'retry-after', 'idempotency-replayed', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'x-session-expires-soon', 'x-session-expires-in']

export const allowOrigins = async (app: FastifyInstance, given: readonly string[]): Promise<void> => {
  const origins = new Set(given.map(originOf))
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && origins.has(origin)),
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: requestHeaders,
    exposedHeaders: replyHeaders,
    maxAge: 600,
    hideOptionsRoute: true
  })
}

/**
 * @returns scheme, host and port as browsers send them
 * @throws Error when the entry is no origin; `*` is none, for with credentials it would be everybody
 */
export const originOf = (entry: string): string => {
  const url = URL.canParse(entry) ? new URL(entry) : undefined
  const isOrigin = url !== undefined && url.origin !== 'null' && `${url.origin}/` === url.href
  if (!isOrigin) throw new Error(`CORS origin is not an origin like https://app.example.com: ${entry}`)
  return url.origin
}
