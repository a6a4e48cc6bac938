/**
 * HTTP/1.1 over kept-alive sockets and nothing else, so that on two cores the load generator takes as little as it can from what is measured:
 * some 20 microseconds of CPU per call. It reads answers with a Content-Length, which is what these servers send.
 */
import { connect, type Socket } from 'node:net'

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is when it is text (a form). */
  readonly body?: object | string
}

export interface Reply {
  readonly status: number
  readonly body: string
}

export interface HttpCaller {
  /** Waits for a free connection, first come, first served. @throws Error when the connection ends */
  call (call: Call): Promise<Reply>
  close (): void
}

interface Connection {
  readonly socket: Socket
  received: Buffer
  pending: { readonly resolve: (reply: Reply) => void, readonly reject: (error: Error) => void } | undefined
}

/** @param connections as many calls are in flight at most */
export function createHttpCaller (origin: string, connections: number): HttpCaller {
  const { hostname, port, host } = new URL(origin)
  const open = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: ((connection: Connection) => void)[] = []

  async function connected (): Promise<Connection> {
    const known = idle.pop()
    if (known !== undefined) return known
    if (open.size >= connections) return await new Promise<Connection>((resolve) => { waiting.push(resolve) })
    return await connectTo(hostname, Number(port))
  }

  async function connectTo (hostOf: string, portOf: number): Promise<Connection> {
    const socket = connect({ host: hostOf, port: portOf, noDelay: true })
    const connection: Connection = { socket, received: Buffer.alloc(0), pending: undefined }
    open.add(connection)
    await new Promise<void>((resolve, reject) => { socket.once('connect', resolve).once('error', reject) })
    socket.on('data', (bytes: Buffer) => { receive(connection, bytes) })
    socket.on('error', () => undefined)
    // A server ends connections that were idle for long.
    socket.on('close', () => {
      open.delete(connection)
      if (idle.includes(connection)) idle.splice(idle.indexOf(connection), 1)
      connection.pending?.reject(new Error('the server ended a connection over a call'))
    })
    return connection
  }

  function receive (connection: Connection, bytes: Buffer): void {
    connection.received = connection.received.length === 0 ? bytes : Buffer.concat([connection.received, bytes])
    const reply = readReply(connection.received)
    if (reply === undefined) return
    const { pending } = connection
    connection.received = Buffer.alloc(0)
    connection.pending = undefined
    const next = waiting.shift()
    if (next === undefined) idle.push(connection)
    else next(connection)
    pending?.resolve(reply)
  }

  return {
    async call (call) {
      const connection = await connected()
      return await new Promise<Reply>((resolve, reject) => {
        connection.pending = { resolve, reject }
        connection.socket.write(requestText(host, call))
      })
    },
    close () {
      for (const { socket } of open) socket.destroy()
    }
  }
}

function requestText (host: string, { method, path, headers = {}, body }: Call): string {
  const text = typeof body === 'object' ? JSON.stringify(body) : body ?? ''
  const type = typeof body === 'object' ? 'content-type: application/json\r\n' : ''
  const given = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const length = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(text)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${type}${given}${length}\r\n${text}`
}

/** @returns undefined while the answer is not complete */
function readReply (bytes: Buffer): Reply | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined && status !== 204) throw new Error(`an answer without a length: ${head.slice(0, 200)}`)
  const from = end + 4
  const to = from + Number(length ?? 0)
  return bytes.length < to ? undefined : { status, body: bytes.toString('utf8', from, to) }
}
