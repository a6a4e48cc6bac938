import type { Metrics } from '@countersign/runtime'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The template of the route, never the URL: a label that strangers choose would fill the memory. */
export const routeLabel = (request: FastifyRequest): string => request.routeOptions.config.contract?.path ?? request.routeOptions.url ?? 'unmatched'

export interface RequestMetricsOptions {
  readonly metrics: Metrics
  /** A log line per request too. */
  readonly accessLog: boolean
}

export const measureRequests = (app: FastifyInstance, { metrics, accessLog }: RequestMetricsOptions): void => {
  const durations = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'From the request line to the last byte of the reply',
    labels: ['method', 'route', 'status']
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = routeLabel(request)
    durations.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000)
    if (accessLog) {
      request.log.info({ method: request.method, route, status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) }, 'request served')
    }
  })
}
