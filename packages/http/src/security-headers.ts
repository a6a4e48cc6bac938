import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** An API answers data: whatever a browser makes of it may load nothing, run nothing and be framed by nobody. */
const apiPolicy = {
  useDefaults: false,
  directives: { 'default-src': ["'none'"], 'base-uri': ["'none'"], 'form-action': ["'none'"], 'frame-ancestors': ["'none'"] }
}

export const sendSecurityHeaders = async (app: FastifyInstance, options: FastifyHelmetOptions = {}): Promise<void> => {
  await app.register(helmet, {
    contentSecurityPolicy: apiPolicy,
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    ...options
  } as FastifyHelmetOptions)
  // Tokens and addresses of people must not stay in caches (RFC 6749, 5.1); a route may say otherwise.
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
}
