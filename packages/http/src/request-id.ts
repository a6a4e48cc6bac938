/** One id from the first line of the gateway's log to the mail and the transaction. */
import type { IncomingMessage } from 'node:http'
import { RequestId } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'

const requestId = Compile(RequestId)

export const requestIdHeader = 'x-request-id'

/** The caller's own id when it has the shape of one, so that it can be found in the logs of both sides; else a new one. */
export const requestIdOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string => {
  const given = headers[requestIdHeader]
  return requestId.Check(given) ? given : newId('req')
}

export const answerRequestId = (app: FastifyInstance): void => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header(requestIdHeader, request.id)
  })
}
