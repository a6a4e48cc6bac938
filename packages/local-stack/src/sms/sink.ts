/** A provider of text messages that delivers none, behind an HTTP API in the shape that the common ones have. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { escape, isAskedLocally, page, pageHeaders, send, sendJson } from '../pages.ts'
import { claimPort, takenPort } from '../ports.ts'
import { StackFault } from '../stack-fault.ts'

/** One text message that came in. */
export interface Sms {
  /** As the answer named it. */
  readonly id: string
  readonly receivedAt: string
  readonly from: string
  readonly to: string
  readonly text: string
  readonly idempotencyKey?: string
}

/**
 * What the next messages are answered with. `garbage` and `endless` are a page in place of an answer, to a message that was taken; `silent`
 * is no answer at all, to one that was taken as well.
 */
export type SmsFault = 'none' | 'unknown number' | 'refused' | 'too many' | 'broken' | 'wrong account' | 'garbage' | 'endless' | 'silent'

export interface SmsSink {
  /** Where messages are posted. */
  readonly apiUrl: string
  readonly account: string
  readonly token: string
  /** Page that shows the messages; `/api/messages` is the same as JSON. */
  readonly viewerUrl: string
  readonly messages: () => Promise<readonly Sms[]>
  /** The first message, old or new, that satisfies the predicate; an Error after `timeoutMs`. */
  readonly waitForSms: (predicate: (sms: Sms) => boolean, timeoutMs: number) => Promise<Sms>
  readonly clear: () => void
  readonly fail: (fault: SmsFault) => void
  readonly close: () => Promise<void>
}

export interface SmsSinkOptions {
  readonly port?: number | undefined
  /** 127.0.0.1 when absent. Pages are shown to this machine alone, wherever it listens. */
  readonly host?: string | undefined
  readonly account?: string
  readonly token?: string
  /** The oldest go first beyond this. */
  readonly keep?: number
}

const largestBody = 16_384

/** Status, the provider's own code, and words that repeat the number, as some providers do. */
const refusals: Partial<Record<SmsFault, readonly [status: number, code: number, words: string]>> = {
  'unknown number': [400, 21211, 'The \'To\' number is not a valid phone number'],
  refused: [400, 21602, 'Message body is required'],
  'too many': [429, 20429, 'Too Many Requests'],
  broken: [500, 20500, 'Internal Server Error']
}

/** @throws StackFault when the port is taken */
export const startSmsSink = async ({ port: wanted, host = '127.0.0.1', account = 'local', token = 'local', keep = 1_000 }: SmsSinkOptions = {}): Promise<SmsSink> => {
  const messages: Sms[] = []
  let fault: SmsFault = 'none'
  const port = await claimPort(wanted, 'the SMS sink')
  const credentials = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (fault === 'wrong account' || request.headers.authorization !== credentials) {
      answer(response, 401, { code: 20003, message: 'Authenticate', status: 401 })
      return
    }
    const form = new URLSearchParams(await bodyOf(request))
    const [to, from, text] = [form.get('To') ?? '', form.get('From') ?? '', form.get('Body') ?? '']
    const refusal = to === '' || from === '' || text === '' ? refusals.refused : refusals[fault]
    if (refusal !== undefined) {
      const [status, code, words] = refusal
      answer(response, status, { code, message: `${words}: ${to}`, status })
      return
    }
    const { 'idempotency-key': key } = request.headers
    const sms: Sms = { id: `SM${randomBytes(16).toString('hex')}`, receivedAt: new Date().toISOString(), from, to, text, ...typeof key === 'string' && { idempotencyKey: key } }
    messages.push(sms)
    messages.splice(0, messages.length - keep)
    if (fault === 'garbage') send(response, 200, 'text/html', '<html>Welcome to the hotel network</html>')
    else if (fault === 'endless') drip(response)
    else if (fault !== 'silent') answer(response, 201, { sid: sms.id, status: 'queued', to, from, body: text, error_code: null, error_message: null })
  }

  const show = ({ method, url }: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(url ?? '/', `http://127.0.0.1:${port}`)
    const to = searchParams.get('to')
    if (method === 'DELETE' && pathname === '/api/messages') {
      messages.length = 0
      response.writeHead(204, pageHeaders).end()
    } else if (method !== 'GET') {
      send(response, 405, 'text/plain', 'GET only\n')
    } else if (pathname === '/') {
      send(response, 200, 'text/html', listPage(messages))
    } else if (pathname === '/api/messages') {
      sendJson(response, { messages: to === null ? messages : messages.filter((sms) => sms.to === to) })
    } else {
      send(response, 404, 'text/plain', 'Nothing is here\n')
    }
  }

  const server = createServer((request, response) => {
    if (request.method === 'POST') take(request, response).catch(() => { response.destroy() })
    else if (isAskedLocally(request, port)) show(request, response)
    else send(response, 421, 'text/plain', 'Use http://127.0.0.1\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => { reject(takenPort(port, 'the SMS sink')) })
    server.listen(port, host, resolve)
  })

  return {
    apiUrl: `http://127.0.0.1:${port}/Accounts/${account}/Messages.json`,
    account,
    token,
    viewerUrl: `http://127.0.0.1:${port}`,
    messages: async () => [...messages],
    waitForSms: async (predicate, timeoutMs) => {
      for (const deadline = Date.now() + timeoutMs; ; await wait(20)) {
        const found = messages.find(predicate)
        if (found !== undefined) return found
        if (Date.now() > deadline) throw new StackFault(`No such text message came within ${timeoutMs} ms; ${messages.length} others did (see http://127.0.0.1:${port}).`)
      }
    },
    clear: () => { messages.length = 0 },
    fail: (next) => { fault = next },
    close: async () => {
      const closed = new Promise<void>((resolve) => { server.close(() => { resolve() }) })
      server.closeAllConnections()
      await closed
    }
  }
}

const answer = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** More than anybody should read of an answer, until the reader hangs up. */
function drip (response: ServerResponse): void {
  response.writeHead(201, { 'content-type': 'application/json' })
  const more = (): void => { while (!response.destroyed && response.write(' '.repeat(16_384))); }
  response.on('drain', more)
  more()
}

async function bodyOf (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > largestBody) throw new Error('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const listPage = (messages: readonly Sms[]): string => page('Text messages', `<h1>Text messages</h1><p>Every text message of the local stack ends here. <a href="/api/messages">As JSON</a></p>${
  [...messages].reverse().map(({ receivedAt, from, to, text }) => `<p>${escape(receivedAt)}, from ${escape(from)} to ${escape(to)}</p><pre>${escape(text)}</pre>`).join('') || '<p>None yet. Reload after something was sent.</p>'}`)
