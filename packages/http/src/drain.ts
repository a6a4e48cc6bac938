/** Closing: nobody new is let in, whoever is inside is served and shown out. */
import type { FastifyInstance } from 'fastify'

/** @param drainMs after that, connections that are still open are cut */
export const drainOnClose = (app: FastifyInstance, drainMs: number): void => {
  let draining = false
  let cut: NodeJS.Timeout | undefined

  app.addHook('preClose', async () => {
    draining = true
    cut = setTimeout(() => app.server.closeAllConnections(), drainMs)
  })
  // Without it the connection of a request in flight would stay open, idle, until its keep-alive ends.
  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close')
  })
  app.addHook('onClose', async () => clearTimeout(cut))
}
