import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/** An API answers data: whatever a browser makes of it may load nothing, run nothing and be framed by nobody. A page says what it may by a header of its own. */
const apiPolicy = {
  useDefaults: false,
  directives: { 'default-src': ["'none'"], 'base-uri': ["'none'"], 'form-action': ["'none'"], 'frame-ancestors': ["'none'"] }
}

export function sendSecurityHeaders (app: FastifyInstance): void {
  // Made once for all requests: it reads its whole configuration while it is made.
  const setHeaders = helmet({ contentSecurityPolicy: apiPolicy, referrerPolicy: { policy: 'no-referrer' }, frameguard: { action: 'deny' } })
  app.addHook('onRequest', (request, reply, done) => {
    // Tokens and addresses of people must not stay in caches (RFC 6749, 5.1); a route may say otherwise.
    reply.header('cache-control', 'no-store')
    setHeaders(request.raw, reply.raw, () => { done() })
  })
}
