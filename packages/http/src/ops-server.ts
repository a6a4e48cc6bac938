/** The private port of every process: is it well, may it get traffic, what does it measure. */
import type { AddressInfo } from 'node:net'
import { Problem, problems } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { constantTimeEqual } from '@countersign/secrets'
import { fastify, LogController, type FastifyInstance, type FastifyRequest } from 'fastify'
import { handleProblems } from './problem-handler.ts'
import { requestIdOf } from './request-id.ts'

export interface Health { readonly healthy: boolean, readonly body: object }
export interface Readiness { readonly ready: boolean, readonly reasons: readonly string[] }

export interface OpsServerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly health: () => Promise<Health>
  readonly ready: () => Promise<Readiness>
  /** When given, /metrics wants it as `Authorization: Bearer …` or `X-Api-Key`. */
  readonly metricsApiKey?: string
  /** A check that takes longer has failed. */
  readonly checkTimeoutMs?: number
}

export interface OpsServer {
  readonly url: string
  close (): Promise<void>
}

/** Listens when it returns. @throws when the port is taken */
export const startOpsServer = async ({
  host, port, log, metrics, health, ready, metricsApiKey, checkTimeoutMs = 5_000
}: OpsServerOptions): Promise<OpsServer> => {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } }
  }) as unknown as FastifyInstance
  handleProblems(app, { realm: 'operations' })

  app.get('/health', async (_request, reply) => {
    const { healthy, body } = await checked(health, checkTimeoutMs, log) ?? { healthy: false, body: { status: 'unhealthy' } }
    return reply.code(healthy ? 200 : 503).send(body)
  })
  app.get('/ready', async (_request, reply) => {
    const answer = await checked(ready, checkTimeoutMs, log) ?? { ready: false, reasons: ['the check failed'] }
    return reply.code(answer.ready ? 200 : 503).send({ ready: answer.ready, reasons: answer.reasons })
  })
  app.get('/metrics', async (request, reply) => {
    if (metricsApiKey !== undefined && !constantTimeEqual(keyOf(request), metricsApiKey)) throw new Problem(problems.unauthorized)
    return reply.type(metrics.contentType).send(await metrics.text())
  })

  await app.listen({ host, port })
  const address = app.server.address() as AddressInfo
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${shownHost}:${address.port}`, close: () => app.close() }
}

/** These routes have no schemas: Fastify need not load its compilers, a tenth of the time that a process takes to start. */
function noSchemas (): never {
  throw new Error('the routes of operations have no schemas')
}

/** @returns undefined when the check threw or took too long */
async function checked<T> (check: () => Promise<T>, timeoutMs: number, log: Logger): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      check(),
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      })
    ])
  } catch (error) {
    log.warn({ err: error }, 'health check failed')
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

function keyOf ({ headers }: FastifyRequest): string {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return bearer ?? String(headers['x-api-key'] ?? '')
}
