/** The public door: what every request meets before its route does, in the order it is met. */
import type { Logger, Metrics } from '@countersign/runtime'
import { fastify, LogController, type FastifyInstance, type FastifyRequest } from 'fastify'
import './augmentation.ts'
import { refuseClientError } from './client-errors.ts'
import { allowOrigins } from './cors.ts'
import { drainOnClose } from './drain.ts'
import { handleProblems, problemOf, sendProblem } from './problem-handler.ts'
import { limitRequests, type RateLimitOptions } from './rate-limit.ts'
import { answerRequestId, requestIdOf } from './request-id.ts'
import { measureRequests } from './request-metrics.ts'
import { guardSessions } from './session-guard.ts'
import { sendSecurityHeaders } from './security-headers.ts'
import { compileValidator } from './validation.ts'

export interface ServerOptions {
  readonly service: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Proxies in front that append to X-Forwarded-For; 0 believes the socket alone. */
  readonly trustedHops: number
  /** Origins of browsers that may call, like `https://app.example.com`. */
  readonly corsOrigins?: readonly string[]
  /** Bytes. */
  readonly bodyLimit?: number
  readonly rateLimit?: RateLimitOptions
  /**
   * Tells the session of a request or throws Problem(unauthorized). Runs on routes for `session` callers, after the
   * limits and before the body is read.
   */
  readonly sessionGuard?: (request: FastifyRequest) => Promise<unknown>
  readonly accessLog?: boolean
  /** Tells an error of a store that is away, which is 503 and not 500. */
  readonly isOutage?: (error: unknown) => boolean
  /** For the headers of a request, and for the whole of it. */
  readonly headersTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly keepAliveTimeoutMs?: number
  /** How long `close()` lets requests in flight run. */
  readonly drainMs?: number
}

/** @returns a server that does not listen yet, without routes. */
export const createServer = async (options: ServerOptions): Promise<FastifyInstance> => {
  const { service, log, metrics, trustedHops, corsOrigins = [], rateLimit, sessionGuard, isOutage, accessLog = false, drainMs = 10_000 } = options
  const app = openServer(options)
  app.decorate('trustedHops', trustedHops)
  // Fastify reads text/plain by itself; a body here is JSON or is refused.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(compileValidator)
  handleProblems(app, { realm: service, isOutage })

  answerRequestId(app)
  measureRequests(app, { metrics, accessLog })
  drainOnClose(app, drainMs)
  sendSecurityHeaders(app)
  await allowOrigins(app, corsOrigins)
  if (rateLimit !== undefined) await limitRequests(app, rateLimit, { log, metrics })
  guardSessions(app, sessionGuard)
  return app
}

function openServer ({
  service, log, bodyLimit = 65_536,
  headersTimeoutMs = 10_000, requestTimeoutMs = 30_000, keepAliveTimeoutMs = 65_000
}: ServerOptions): FastifyInstance {
  return fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    // Fastify itself believes no forwarded header: request.ip, host and protocol speak of the socket. See client-ip.ts.
    trustProxy: false,
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs) },
    // While closing, what still comes over an open connection is served, and told to come back over a new one.
    return503OnClosing: false,
    clientErrorHandler: refuseClientError,
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id)
      return sendProblem(request, reply, problemOf(error), service)
    }
  }) as unknown as FastifyInstance
}
