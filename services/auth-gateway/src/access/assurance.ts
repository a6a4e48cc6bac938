/**
 * How well a session must be proved for a sensitive route. A user without a factor has signed in a short while ago; one with a factor has
 * answered a step-up for exactly this action, which the route then uses up.
 */
import { Problem, problems, stepUpActionOf, stepUpHeader, type Route, type StepUp } from '@countersign/contracts'
import type { FastifyRequest } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { StepUpRepository } from '../step-ups/step-up-repository.ts'

export interface AssuranceDeps {
  /** Whether the session was proved a short while ago, by the database's clock. */
  readonly isFresh: (sessionId: string) => Promise<boolean>
  /** @throws Problem unavailable when nobody can say: the route stays closed */
  readonly hasFactor: (userId: string, requestId: string) => Promise<boolean>
  readonly stepUps: Pick<StepUpRepository, 'use'>
}

export interface Assurance {
  /** Before anything of the request is read. @throws Problem freshProofRequired */
  check (request: FastifyRequest, session: Pick<OpenSession, 'id' | 'userId'>): Promise<void>
  /** Once the request is valid, so that what it asks for is known, and before its handler: what was confirmed happens at most once. @throws Problem stepUpRequired */
  spend (request: FastifyRequest): Promise<void>
}

export function createAssurance ({ isFresh, hasFactor, stepUps }: AssuranceDeps): Assurance {
  const wanted = new WeakMap<FastifyRequest, { readonly stepUp: StepUp, readonly userId: string, readonly sessionId: string }>()

  return {
    async check (request, { id: sessionId, userId }) {
      const { fresh, stepUp } = request.routeOptions.config.contract ?? {} as Partial<Route>
      if (fresh === undefined) return
      if ((fresh === 'first-factor' || stepUp !== undefined) && await hasFactor(userId, request.id)) {
        if (stepUp !== undefined) wanted.set(request, { stepUp, userId, sessionId })
      } else if (!await isFresh(sessionId)) throw new Problem(problems.freshProofRequired)
    },

    async spend (request) {
      const found = wanted.get(request)
      if (found === undefined) return
      const { stepUp, userId, sessionId } = found
      const action = stepUpActionOf(stepUp, request)
      const { [stepUpHeader]: id } = request.headers
      if (typeof id !== 'string' || !await stepUps.use(id, { userId, sessionId, action })) throw new Problem(problems.stepUpRequired, { action })
    }
  }
}
