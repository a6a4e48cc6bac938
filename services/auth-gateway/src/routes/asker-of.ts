import type { FastifyRequest } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { Asker } from '../sign-in/link-wallet.ts'

/** Who asks, as use cases know it. */
export const askerOf = ({ userId, id: sessionId }: OpenSession, { id: requestId }: FastifyRequest): Asker => ({ userId, sessionId, requestId })
