/** The one place where a fault becomes an answer (RFC 9457). What is not expected tells strangers nothing. */
import { freshProofSeconds, Problem, problemDocument, problems, stepUpAcr, type ProblemKind, type Route } from '@countersign/contracts'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { routeLabel } from './request-metrics.ts'

export interface ProblemHandlerOptions {
  /** Named in WWW-Authenticate of every 401 (RFC 9110, 11.6.1). */
  readonly realm: string
  /** Tells an error that says "not now", of a store that is away: 503 with Retry-After in place of 500. */
  readonly isOutage?: ((error: unknown) => boolean) | undefined
}

const retryAfterOutageSeconds = 2

export const handleProblems = (app: FastifyInstance, { realm, isOutage }: ProblemHandlerOptions): void => {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const told = problemOf(error, request)
    const away = told.kind.slug === problems.internal.slug && isOutage?.(error) === true
    const problem = away ? new Problem(problems.unavailable, { retry_after: retryAfterOutageSeconds }) : told
    logRefusal(request, problem, error)
    return sendProblem(request, reply, problem, realm)
  })
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, new Problem(problems.noSuchRoute), realm))
}

/** Answers with the problem as `application/problem+json`. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, problem: Problem, realm: string): FastifyReply => {
  const { kind: { status }, extensions: { retry_after: retryAfter } } = problem
  if (retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))))
  const challenge = challengeOf(problem)
  if (challenge !== undefined) reply.header('www-authenticate', `Bearer realm="${realm}"${challenge}`)
  const document = problemDocument(problem, request.id)
  // As text: the route's serialiser knows the shape of its reply, not of a problem.
  const { refusals } = request.routeOptions.config.contract ?? {} as Partial<Route>
  if (refusals === undefined) return reply.code(status).type('application/problem+json').send(JSON.stringify(document))
  const { faults } = problem.extensions
  const words = refusals === 'success' ? { success: false, error: problem.message } : { message: problem.message, ...faults && { details: faults } }
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify({ ...words, ...document }))
}

/** What WWW-Authenticate adds to the realm; undefined where the answer asks for no other credential. */
function challengeOf ({ kind: { slug, status } }: Problem): string | undefined {
  // RFC 9470 §3: the credential is good, the proof behind it is too old.
  if (slug === problems.freshProofRequired.slug) return `, error="insufficient_user_authentication", max_age="${freshProofSeconds}"`
  // The same, where no newer sign-in would do: a factor must confirm this very action.
  if (slug === problems.stepUpRequired.slug) return `, error="insufficient_user_authentication", acr_values="${stepUpAcr}"`
  // RFC 6750 §3.1
  if (slug === problems.insufficientScope.slug) return ', error="insufficient_scope"'
  return status === 401 ? '' : undefined
}

const byCode: Readonly<Record<string, ProblemKind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: problems.payloadTooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: problems.unsupportedMediaType,
  FST_ERR_CTP_EMPTY_TYPE: problems.unsupportedMediaType,
  FST_ERR_MAX_PARAM_LENGTH: problems.noSuchRoute,
  FST_ERR_HANDLER_TIMEOUT: problems.unavailable
}
const byStatus: Readonly<Record<number, ProblemKind>> = {
  401: problems.unauthorized,
  404: problems.noSuchRoute,
  429: problems.rateLimited
}

/** @returns the problem that a stranger may see for whatever was thrown */
export const problemOf = (error: unknown, request?: Pick<FastifyRequest, 'raw'>): Problem => {
  if (error instanceof Problem) return error
  const { code = '', statusCode = 500 } = error instanceof Error ? error as Partial<FastifyError> : {}
  // A status on any other error speaks of somebody else's answer, a node's or a bucket's, not of this request.
  const isOurs = code.startsWith('FST_')
  if (isOurs && byCode[code] !== undefined) return new Problem(byCode[code])
  if (isOurs && statusCode >= 400 && statusCode < 500) return new Problem(byStatus[statusCode] ?? problems.malformedRequest)
  // The caller hung up in the middle of its body; nobody reads the answer.
  if (code === 'ECONNRESET' && request?.raw.complete === false) return new Problem(problems.malformedRequest)
  return new Problem(problems.internal)
}

function logRefusal (request: FastifyRequest, { kind: { slug, status } }: Problem, error: unknown): void {
  const where = { problem: slug, method: request.method, route: routeLabel(request) }
  if (slug === problems.internal.slug) request.log.error({ ...where, err: error }, 'request failed')
  else if (status >= 500) request.log.warn({ ...where, err: error }, 'request could not be served')
  else if (status === 429) request.log.debug(where, 'request refused')
  else request.log.info(where, 'request refused')
}
