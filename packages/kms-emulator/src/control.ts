/** The emulator's own paths: `GET /_health`, and `GET`, `POST`, `DELETE /_faults` for tests that run in another process. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Faults, FaultSwitches } from './faults.ts'
import { readJson } from './request-body.ts'

interface Controlled { faults: FaultSwitches, calls: () => Record<string, number>, keys: () => number }

export async function answerControl (request: IncomingMessage, response: ServerResponse, controlled: Controlled): Promise<void> {
  const [status, body] = await decide(request, controlled)
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function decide (request: IncomingMessage, { faults, calls, keys }: Controlled): Promise<[number, object]> {
  const body = await readJson(request)
  switch (`${request.method} ${request.url}`) {
    case 'GET /_health':
      return [200, { status: 'healthy', keys: keys(), calls: calls() }]
    case 'GET /_faults':
      return [200, faults.current()]
    case 'DELETE /_faults':
      faults.clear()
      return [200, faults.current()]
    case 'POST /_faults':
      return setFaults(request, body, faults)
    default:
      return [404, { error: 'there are /_health and /_faults only' }]
  }
}

function setFaults (request: IncomingMessage, body: Record<string, unknown> | undefined, faults: FaultSwitches): [number, object] {
  // A page in the developer's browser can post text/plain to localhost unasked, but not JSON: that needs a preflight, which gets no leave here.
  if (request.headers['content-type']?.startsWith('application/json') !== true) return [415, { error: 'the body must be application/json' }]
  if (body === undefined) return [400, { error: 'the body must be a JSON object' }]
  try {
    faults.set(body as Partial<Faults>)
    return [200, faults.current()]
  } catch (error) {
    return [400, { error: (error as Error).message }]
  }
}
