/** What the generator cannot know: which problems a route answers with, and that every answer carries the request id. */
import { ProblemDocument, problems, type ProblemName, type Route } from '@countersign/contracts'

type Responses = Record<string, Record<string, unknown>>
export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, { responses: Responses }>>
}

const reference = { $ref: '#/components/schemas/Problem' }
const earlier = (required: readonly string[], properties: object) => ({ 'application/json': { schema: { allOf: [{ type: 'object', required, properties }, reference] } } })
const contents = {
  message: earlier(['message'], { message: { type: 'string' }, details: { type: 'array' } }),
  success: earlier(['success', 'error'], { success: { const: false }, error: { type: 'string' } })
}

export const problemSchemas = { Problem: { title: 'Problem', description: 'RFC 9457', ...ProblemDocument } }

/** @returns the document, with the problems of each route grouped by status */
export const describeOperations = <D extends OpenApiDocument>(document: D, routes: readonly Route[]): D => {
  for (const route of routes) {
    const operation = document.paths[documentedPath(route.path)]?.[route.method.toLowerCase()]
    if (operation === undefined) continue
    operation.responses = { ...describeReply(route, operation.responses), ...describeProblems(route) }
  }
  return document
}

const documentedPath = (path: string): string => path.replace(/:([A-Za-z_]+)/g, '{$1}')

function describeReply ({ status, reply, summary, orStatus }: Route, responses: Responses): Responses {
  const described = { ...responses[status], description: summary, headers: requestIdHeader }
  if (reply === undefined) delete (described as { content?: unknown }).content
  return { [status]: described, ...orStatus && { [orStatus.status]: { ...described, description: orStatus.description } } }
}

function describeProblems ({ problems: names, refusals }: Route): Responses {
  const all: readonly ProblemName[] = [...names, 'internal']
  const statuses = [...new Set(all.map((name) => problems[name].status))].sort((a, b) => a - b)
  return Object.fromEntries(statuses.map((status) => {
    const kinds = all.map((name) => problems[name]).filter((kind) => kind.status === status)
    const headers = { ...requestIdHeader, ...(status === 429 || status === 503) && retryAfterHeader }
    return [String(status), {
      description: kinds.map(({ type, title }) => `\`${type}\`: ${title}`).join('\n\n'),
      headers,
      content: refusals === undefined ? { 'application/problem+json': { schema: reference } } : contents[refusals]
    }]
  }))
}

const requestIdHeader = { 'X-Request-Id': { description: 'The id of this request in the logs', schema: { type: 'string' } } }
const retryAfterHeader = { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } }
