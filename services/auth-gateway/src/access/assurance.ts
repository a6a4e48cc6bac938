/**
 * How well a session must be proved for a sensitive route. A user without a factor has signed in a short while ago; one with a factor has
 * answered a step-up for exactly this action, which the route then uses up.
 */
import { Problem, problems, stepUpHeader, type Route, type StepUpAction } from '@countersign/contracts'
import type { FastifyRequest } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { StepUpRepository } from '../step-ups/step-up-repository.ts'

export interface AssuranceDeps {
  /** Whether the session was proved a short while ago, by the database's clock. */
  readonly isFresh: (sessionId: string) => Promise<boolean>
  /** @throws Problem unavailable when nobody can say: the route stays closed */
  readonly hasFactor: (userId: string, requestId: string) => Promise<boolean>
  readonly stepUps: Pick<StepUpRepository, 'isReady' | 'use'>
}

export interface Assurance {
  /** Before anything of the request is read. @throws Problem freshProofRequired, stepUpRequired */
  check (request: FastifyRequest, session: Pick<OpenSession, 'id' | 'userId'>): Promise<void>
  /** Once the request is valid, before its handler: what it asks for happens at most once. @throws Problem stepUpRequired */
  spend (request: FastifyRequest): Promise<void>
}

interface Wanted {
  readonly id: string
  readonly by: { readonly userId: string, readonly sessionId: string, readonly action: StepUpAction }
}

export function createAssurance ({ isFresh, hasFactor, stepUps }: AssuranceDeps): Assurance {
  const wanted = new WeakMap<FastifyRequest, Wanted>()

  return {
    async check (request, { id: sessionId, userId }) {
      const route = request.routeOptions.config.contract
      if (route?.fresh !== true) return
      const action = actionOf(route, request)
      if (action === undefined || !await hasFactor(userId, request.id)) {
        if (!await isFresh(sessionId)) throw new Problem(problems.freshProofRequired)
        return
      }
      const { [stepUpHeader]: id } = request.headers
      const by = { userId, sessionId, action }
      if (typeof id !== 'string' || !await stepUps.isReady(id, by)) throw new Problem(problems.stepUpRequired, { action })
      wanted.set(request, { id, by })
    },

    async spend (request) {
      const found = wanted.get(request)
      if (found !== undefined && !await stepUps.use(found.id, found.by)) throw new Problem(problems.stepUpRequired, { action: found.by.action })
    }
  }
}

/** The path's parameters, in their order, say what the action is done to. */
function actionOf ({ stepUp }: Route, { params }: FastifyRequest): StepUpAction | undefined {
  if (stepUp === undefined) return undefined
  const parts = Object.values(params as Record<string, string>)
  return { type: stepUp, resource_id: parts.length === 0 ? '-' : parts.join(':') }
}
