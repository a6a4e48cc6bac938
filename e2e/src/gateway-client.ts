/** The gateway as a program outside sees it: HTTP and JSON, nothing else. */
export interface GatewayReply<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export class GatewayRefusal extends Error {
  readonly status: number
  readonly problem: Record<string, unknown>

  constructor (method: string, path: string, status: number, problem: Record<string, unknown>) {
    super(`${method} ${path} answered ${status}: ${String(problem.detail ?? problem.title ?? 'no detail')}`)
    this.name = 'GatewayRefusal'
    this.status = status
    this.problem = problem
  }
}

export interface RequestOptions {
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Record<string, string>
}

export type GatewayClient = ReturnType<typeof createGatewayClient>

export function createGatewayClient (baseUrl: string) {
  /** Any answer, also a refusal. */
  async function send<Body = Record<string, unknown>> (method: string, path: string, { body, token, headers = {} }: RequestOptions = {}): Promise<GatewayReply<Body>> {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000)
    })
    const text = await response.text()
    const json = /json/.test(response.headers.get('content-type') ?? '') && text !== ''
    return { status: response.status, headers: response.headers, body: (json ? JSON.parse(text) : { text }) as Body }
  }

  /** The body of a 2xx answer; anything else throws. */
  async function call<Body = Record<string, unknown>> (method: string, path: string, options?: RequestOptions): Promise<Body> {
    const reply = await send<Body>(method, path, options)
    if (reply.status >= 300) throw new GatewayRefusal(method, path, reply.status, reply.body as Record<string, unknown>)
    return reply.body
  }

  return { baseUrl, send, call }
}
