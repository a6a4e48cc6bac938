import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { until } from '@countersign/testing'
import type { FastifyInstance } from 'fastify'
import { listenOn } from '../src/index.ts'
import { openServer } from './open-server.ts'

const listen = async (app: FastifyInstance): Promise<number> => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

/** A client that says exactly what it is told to. */
const dial = async (test: Test, port: number): Promise<{ socket: Socket, heard: () => string, closed: () => boolean }> => {
  const socket = connect({ host: '127.0.0.1', port })
  test.teardown(() => socket.destroy())
  let text = ''
  let isClosed = false
  socket.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('close', () => { isClosed = true }).on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, heard: () => text, closed: () => isClosed }
}

const gate = () => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { opened, open }
}

void t.test('closing lets nobody new in, finishes what is in flight and shows it out', async (t) => {
  const { app } = await openServer(t)
  const { opened, open } = gate()
  let entered = 0
  app.get('/slow', async () => {
    entered++
    await opened
    return { served: true }
  })
  const port = await listen(app)
  const inFlight = await dial(t, port)
  inFlight.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n')
  await until(() => entered === 1, { what: 'the request to be in flight' })

  const closing = app.close()
  await until(async () => {
    const socket = connect({ host: '127.0.0.1', port })
    const refused = await Promise.race([once(socket, 'connect').then(() => false), once(socket, 'error').then(() => true)]).catch(() => true)
    socket.destroy()
    return refused
  }, { what: 'the port to be closed' })
  t.notOk(inFlight.closed(), 'the request in flight is not cut')
  open()
  await closing
  await until(() => inFlight.closed(), { what: 'the caller to be shown out' })

  t.match(inFlight.heard(), /^HTTP\/1\.1 200 OK/)
  t.match(inFlight.heard(), /\r\nconnection: close\r\n/i)
  t.match(inFlight.heard(), /\{"served":true\}/)
})

void t.test('what still comes over an open connection while closing is served with connection: close', async (t) => {
  const { app } = await openServer(t)
  const { opened, open } = gate()
  let entered = 0
  app.get('/slow', async () => {
    entered++
    await opened
    return {}
  })
  app.get('/quick', async () => ({ quick: true }))
  let draining = false
  app.addHook('preClose', async () => { draining = true })
  const port = await listen(app)
  const pipelining = await dial(t, port)
  pipelining.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => entered === 1, { what: 'the first request' })
  const closing = app.close()
  await until(() => draining, { what: 'the drain to begin' })
  pipelining.socket.write('GET /quick HTTP/1.1\r\nhost: x\r\n\r\n')
  open()
  await closing
  await until(() => pipelining.closed(), { what: 'the caller to be shown out' })

  t.match(pipelining.heard(), /connection: close/i)
  t.notMatch(pipelining.heard(), / 503 /)
})

void t.test('a request that never ends is cut when the drain is over', async (t) => {
  const { app } = await openServer(t, { drainMs: 200 })
  let entered = 0
  app.get('/stuck', async () => {
    entered++
    await new Promise(() => undefined)
  })
  const client = await dial(t, await listen(app))
  client.socket.write('GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => entered === 1, { what: 'the request' })

  await app.close()

  await until(() => client.closed(), { what: 'the connection to be cut' })
})

void t.test('headers that trickle in are answered 408 and cut', async (t) => {
  const { app } = await openServer(t, { headersTimeoutMs: 300, requestTimeoutMs: 600 })
  const client = await dial(t, await listen(app))

  client.socket.write('GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')

  await until(() => client.closed(), { what: 'the slow caller to be cut' })
  t.match(client.heard(), /^HTTP\/1\.1 408 /)
  t.match(client.heard(), /application\/problem\+json/)
})

void t.test('a body that trickles in is answered 408 and cut', async (t) => {
  const { app } = await openServer(t, { headersTimeoutMs: 300, requestTimeoutMs: 600 })
  app.post('/', async () => ({}))
  const client = await dial(t, await listen(app))

  client.socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":')

  await until(() => client.closed(), { what: 'the slow caller to be cut' })
  t.match(client.heard(), /^HTTP\/1\.1 408 /)
})

void t.test('what is no HTTP is answered with a problem', async (t) => {
  const { app } = await openServer(t)
  const client = await dial(t, await listen(app))

  client.socket.write('NONSENSE\r\n\r\n')

  await until(() => client.closed(), { what: 'the connection to be closed' })
  t.match(client.heard(), /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\/problems\/malformed-request/)
})

void t.test('a body over the limit is refused by its declared length, and by its real one when it declares none', async (t) => {
  const { app } = await openServer(t, { bodyLimit: 100 })
  app.post('/', async () => ({}))
  const port = await listen(app)

  const declared = await dial(t, port)
  declared.socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n')
  await until(() => declared.heard().includes('\r\n\r\n'), { what: 'the refusal, before any body' })
  t.match(declared.heard(), /^HTTP\/1\.1 413 [\s\S]*payload-too-large/)

  const chunked = await dial(t, port)
  chunked.socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nc8\r\n${' '.repeat(200)}\r\n`)
  await until(() => chunked.heard().includes('payload-too-large'), { what: 'the refusal' })
  t.match(chunked.heard(), /^HTTP\/1\.1 413 /)
})

void t.test('a caller that hangs up in the middle of its body is no fault of ours', async (t) => {
  const { app, logs } = await openServer(t)
  let reading = false
  app.post('/', { onRequest: async () => { reading = true } }, async () => ({}))
  const client = await dial(t, await listen(app))
  client.socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":')
  await until(() => reading, { what: 'the request to begin' })

  client.socket.destroy()

  await until(() => logs.lines().some(({ msg }) => msg === 'request refused'), { what: 'the request to be over' })
  t.notOk(logs.lines().some(({ level }) => level === 'error'))
})

void t.test('one application serves several ports and closes them all, finishing what is in flight on each', async (t) => {
  const { app } = await openServer(t)
  const { opened, open } = gate()
  let entered = 0
  app.get('/slow', async () => {
    entered++
    await opened
    return { served: true }
  })
  let draining = false
  app.addHook('preClose', async () => { draining = true })
  const ports = await listenOn(app, { host: '127.0.0.1', ports: [0, 0, 0] })
  t.equal(new Set(ports).size, 3)
  const clients = await Promise.all(ports.map((port) => dial(t, port)))
  for (const { socket } of clients) socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => entered === 3, { what: 'the three requests' })

  const closing = app.close()
  await until(() => draining, { what: 'the drain to begin' })
  open()
  await closing

  for (const client of clients) {
    await until(() => client.closed(), { what: 'the caller to be shown out' })
    t.match(client.heard(), /^HTTP\/1\.1 200 OK[\s\S]*connection: close[\s\S]*\{"served":true\}/i)
  }
  t.ok(app.server.listening === false)
})

void t.test('a further port that is taken stops the start, and closing frees the ones opened before it', async (t) => {
  const [taken = 0] = await listenOn((await openServer(t)).app, { host: '127.0.0.1', ports: [0] })
  const { app } = await openServer(t)

  await t.rejects(listenOn(app, { host: '127.0.0.1', ports: [0, taken] }), { code: 'EADDRINUSE' })
  await app.close()
})
