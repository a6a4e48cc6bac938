import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { createLogger, createMetrics, type Logger, type Metrics } from '@countersign/runtime'
import { captureLogs, type CapturedLogs } from '@countersign/testing'
import { createServer, type ServerOptions } from '../src/index.ts'

export const observe = (): { readonly logs: CapturedLogs, readonly log: Logger, readonly metrics: Metrics } => {
  const logs = captureLogs()
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  return { logs, log, metrics: createMetrics({ service: 'test', sha: 'dev' }) }
}

export type OpenServer = ReturnType<typeof observe> & { readonly app: FastifyInstance }

/** A server with its logs and metrics at hand, closed with the test. */
export const openServer = async (t: Test, options: Partial<ServerOptions> = {}): Promise<OpenServer> => {
  const observed = observe()
  const app = await createServer({ service: 'test', log: observed.log, metrics: observed.metrics, trustedHops: 0, ...options })
  t.teardown(() => app.close())
  return { app, ...observed }
}
