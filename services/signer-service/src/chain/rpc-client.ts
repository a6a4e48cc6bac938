/**
 * JSON-RPC 2.0 over HTTP. What is asked in one turn of the event loop goes to the node as one batch, and each answer is found by its id alone:
 * a batch may come back in any order, or without some of them. A node that takes no batches is noticed, and asked one by one from then on.
 */

export interface RpcClient {
  /** @throws RpcRequestError: the node said no. TimeoutError, HttpRequestError: it said nothing. */
  ask (method: string, params: readonly unknown[]): Promise<unknown>
  /** Whether several requests would go together. */
  takesBatches (): boolean
}

export interface RpcClientOptions {
  readonly url: string
  /** Of one HTTP request. */
  readonly timeoutMs: number
}

/** The names are those of the RPC libraries, which chain-fault.ts reads. */
class RpcRequestError extends Error {
  override readonly name = 'RpcRequestError'
  readonly code: unknown
  readonly details: string
  readonly data: unknown
  constructor ({ code, message, data }: RpcError) {
    super('the node answered with an error')
    this.code = code
    this.details = typeof message === 'string' ? message : ''
    this.data = data
  }
}

/** Holds neither the URL, which may name a provider's key, nor what was asked. */
class HttpRequestError extends Error {
  override readonly name = 'HttpRequestError'
}

interface RpcError { readonly code?: unknown, readonly message?: unknown, readonly data?: unknown }
interface RpcAnswer { readonly id?: unknown, readonly result?: unknown, readonly error?: unknown }
interface Question {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Providers take a hundred or a thousand. */
const mostTogether = 50
/** These run whatever code a destination holds, for as long as it likes: they wait for one another at most, and for nobody else at all. */
const simulations: ReadonlySet<string> = new Set(['eth_estimateGas', 'eth_call'])
/** How a server says that it understood no array. */
const refusals: ReadonlySet<number> = new Set([200, 400, 405, 415, 422, 501])

export function createRpcClient ({ url, timeoutMs }: RpcClientOptions): RpcClient {
  const { target, headers } = addressed(url)
  let lastId = 0
  let batches = true
  let waiting: Question[] = []

  const post = async (body: unknown): Promise<{ readonly status: number, readonly answer: unknown }> => {
    let response: Response
    try {
      response = await fetch(target, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(timeoutMs) })
      return { status: response.status, answer: await response.json() }
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError') throw error
      throw new HttpRequestError('no answer')
    }
  }

  const askOne = async (question: Question): Promise<void> => {
    try {
      const { status, answer } = await post(bodyOf(question))
      settle(question, answer as RpcAnswer | undefined, status)
    } catch (error) {
      question.reject(error)
    }
  }

  const askTogether = async (questions: readonly Question[]): Promise<void> => {
    try {
      const { status, answer } = await post(questions.map(bodyOf))
      if (Array.isArray(answer)) {
        const byId = new Map((answer as RpcAnswer[]).map((one) => [one?.id, one]))
        for (const question of questions) settle(question, byId.get(question.id), status)
        return
      }
      if (!refusals.has(status)) throw new HttpRequestError('no answer to a batch')
      batches = false
      // Nothing proves that it carried none of it out: a send stays unanswered, and only questions are asked again.
      for (const question of questions) {
        if (question.method === 'eth_sendRawTransaction') question.reject(new HttpRequestError('the node takes no batches'))
        else void askOne(question)
      }
    } catch (error) {
      for (const question of questions) {
        // One of them was slow, and which one shows when each goes alone.
        if (simulations.has(question.method)) void askOne(question)
        else question.reject(error)
      }
    }
  }

  const flush = (): void => {
    const questions = waiting
    waiting = []
    if (!batches || questions.length === 1) {
      for (const question of questions) void askOne(question)
      return
    }
    const simulated = questions.filter(({ method }) => simulations.has(method))
    for (const group of [questions.filter((question) => !simulated.includes(question)), simulated]) {
      for (let from = 0; from < group.length; from += mostTogether) void askTogether(group.slice(from, from + mostTogether))
    }
  }

  return {
    ask: async (method, params) => await new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ id: ++lastId, method, params, resolve, reject })
    }),
    takesBatches: () => batches
  }
}

const bodyOf = ({ id, method, params }: Question): object => ({ jsonrpc: '2.0', id, method, params })

function settle ({ resolve, reject }: Question, answer: RpcAnswer | undefined, status: number): void {
  const error = answer?.error
  // Whatever stands between here and the node may write its own kind of error, which says nothing about what was asked.
  if (typeof error === 'object' && error !== null) reject(new RpcRequestError(error))
  else if (answer === undefined || answer === null || answer.result === undefined || status >= 400) reject(new HttpRequestError('an answer without a result'))
  else resolve(answer.result)
}

/** A name and a password in a URL belong into a header. */
function addressed (url: string): { readonly target: string, readonly headers: Readonly<Record<string, string>> } {
  const parsed = new URL(url)
  const { username, password } = parsed
  parsed.username = ''
  parsed.password = ''
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    target: parsed.href,
    headers: { 'content-type': 'application/json', ...username !== '' && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } }
  }
}
