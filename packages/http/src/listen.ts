/** One application behind several ports: callers of earlier systems find it where those were. */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { FastifyInstance } from 'fastify'
import { refuseClientError } from './client-errors.ts'

export interface ListenOptions {
  readonly host: string
  /** The first is the canonical one; 0 takes any free port. */
  readonly ports: readonly [number, ...number[]]
  /** How long `app.close()` lets requests in flight on the further ports run. */
  readonly drainMs?: number
}

/**
 * Call it once all routes are registered. Closing the app closes every port.
 * @returns the ports that are open, in the order asked for
 * @throws when a port is taken; those opened before it are closed with the app
 */
export const listenOn = async (app: FastifyInstance, { host, ports: [first, ...others], drainMs = 10_000 }: ListenOptions): Promise<number[]> => {
  const further = others.map(() => twinOf(app))
  let closed: Promise<unknown> = Promise.resolve()
  app.addHook('preClose', async () => { closed = Promise.all(further.map((server) => closeWithin(server, drainMs))) })
  app.addHook('onClose', async () => { await closed })

  await app.listen({ host, port: first })
  for (const [i, server] of further.entries()) {
    server.listen({ host, port: others[i] })
    await once(server, 'listening')
  }
  return [app.server, ...further].map(portOf)
}

function twinOf (app: FastifyInstance): Server {
  const { headersTimeout, requestTimeout, keepAliveTimeout } = app.server
  const server = createServer({ headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval: Math.min(1_000, headersTimeout) }, app.routing)
  return server.on('clientError', refuseClientError)
}

async function closeWithin (server: Server, drainMs: number): Promise<void> {
  if (!server.listening) return
  const cut = setTimeout(() => server.closeAllConnections(), drainMs)
  await new Promise((resolve) => { server.close(resolve) })
  clearTimeout(cut)
}

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
