/** email-worker between real queues, a real database and a real mail server, with its producers played by the test. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { mailFromGateway, mailFromOtp, mailFromSigner, mailSealContext, type MailContent, type MailPayload } from '@countersign/contracts'
import { createProducer, jobConnection, type ProducerOptions } from '@countersign/redis'
import { createLogger, createMetrics, newId, readEnvironment, type Lifecycle } from '@countersign/runtime'
import { randomToken, seal } from '@countersign/secrets'
import { captureLogs, sharedMongo, startRedis, startSmtp, until } from '@countersign/testing'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { startApp } from '../src/app.ts'
import { compose } from '../src/compose.ts'
import { configFrom, environment } from '../src/config.ts'

export const queues = { otp: mailFromOtp, gateway: mailFromGateway, signer: mailFromSigner }
export type QueueName = keyof typeof queues

export interface Row { _id: string, state: string, epoch: number, reason: string | null, queue: string, doubts?: number }

export const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()

export const codeMail = (to: string, more: Partial<{ code: string, text: string }> = {}): MailContent => ({
  template: 'code', to, parameters: { code: '493817', text: 'Send 1 ETH', expires_at: '2030-01-01T00:05:00Z', ...more }
})

/** Between worker and mail server: holds back what the server says until it is let go, or is cut, as networks are. */
export const startWire = async (t: Test, port: number) => {
  let held: (() => void)[] | undefined
  let isCut = false
  let loses: 'nothing' | 'the greeting' | 'the receipt' = 'nothing'
  let holdsReceipt = false
  let said = ''
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => { socket.destroy() })
      socket.on('close', () => { sockets.delete(socket) })
    }
    client.pipe(upstream)
    client.on('data', (chunk: Buffer) => { said += chunk.toString('latin1') })
    let bodyAskedFor = false
    upstream.on('data', (chunk: Buffer) => {
      if (holdsReceipt && bodyAskedFor) held ??= []
      if (loses === 'the greeting' || (loses === 'the receipt' && bodyAskedFor)) {
        client.end()
        return
      }
      bodyAskedFor = chunk.toString().startsWith('354')
      const pass = () => { client.write(chunk) }
      if (held === undefined) pass()
      else held.push(pass)
    })
    upstream.on('end', () => { client.end() })
    client.on('close', () => { upstream.destroy() })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    mend: () => { isCut = false },
    /** Closes each connection instead of handing on what the server says from there on; the server itself takes the mail. */
    lose: (what: typeof loses) => { loses = what },
    /** All that the worker's side has said so far. */
    said: () => said,
    hold: () => { held = [] },
    /** From the answer to the next whole mail on; until then everything passes. */
    holdReceipt: () => { holdsReceipt = true },
    letGo: () => {
      holdsReceipt = false
      const passed = held ?? []
      held = undefined
      for (const pass of passed) pass()
    }
  }
}

export const buildHouse = async (t: Test, named?: string) => {
  const mongo = await sharedMongo(t)
  const redis = await startRedis(t)
  const smtp = await startSmtp(t)
  const keys: Record<QueueName, string> = { otp: randomToken(32), gateway: randomToken(32), signer: randomToken(32) }
  const env = {
    MONGODB_URI: mongo.uri,
    REDIS_URL: redis.url,
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    MAIL_FROM: 'no-reply@house.example.com',
    PROJECT_NAME: 'Test House',
    MAIL_SEAL_KEY_OTP: keys.otp,
    MAIL_SEAL_KEY_GATEWAY: keys.gateway,
    MAIL_SEAL_KEY_SIGNER: keys.signer,
    SECRET_KEY: randomToken(48),
    MAIL_RATE_PER_RECIPIENT_PER_HOUR: '1000',
    MAIL_LEASE_SECONDS: '2'
  }
  const database = named ?? mongo.freshDatabase()
  const db = mongo.client.db(database)
  const logs = captureLogs()
  const logger = (service: string) => createLogger({ service, level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const metrics = createMetrics({ service: 'test', sha: 'dev' })
  const connection = jobConnection(redis.url, 'test')
  const io = { connection, log: logger('test'), metrics }
  const producers = { otp: createProducer(mailFromOtp, io), gateway: createProducer(mailFromGateway, io), signer: createProducer(mailFromSigner, io) }
  t.teardown(async () => { await Promise.all(Object.values(producers).map((producer) => producer.close())) })
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })

  const openService = async (t: Test, more: Record<string, string> = {}) => {
    const config = configFrom(readEnvironment(environment, { ...env, ...more }))
    const own = createMetrics({ service: 'email-worker', sha: 'dev' })
    const log = logger('email-worker')
    const stops: (() => unknown)[] = []
    const lifecycle: Lifecycle = { signal: new AbortController().signal, onStop: (_label, stop) => { stops.push(stop) }, fail: (reason) => { throw reason } }
    const parts = await compose({ config: { ...config, mongo: { ...config.mongo, database } }, log, metrics: own, lifecycle })
    await startApp({ config, parts, log, metrics: own, lifecycle })
    let stopped = false
    const stop = async () => {
      if (stopped) return
      stopped = true
      for (const undo of stops.reverse()) await undo()
    }
    t.teardown(stop)
    return { stop, metrics: own.text, deliverMail: parts.deliverMail, deliverSms: parts.deliverSms }
  }

  /** A mail as its producer makes it, or forged where `more` says so. */
  const payloadOf = (queue: QueueName, content: unknown, more: Partial<MailPayload> & { sealFor?: QueueName, sealKey?: QueueName, place?: Partial<MailPayload> } = {}): MailPayload => {
    const { sealFor = queue, sealKey = queue, place, ...fields } = more
    const payload = { delivery_id: newId('dlv'), useful_until: inMinutes(5), request_id: 'req-from-afar', ...fields }
    const associated = mailSealContext(queues[sealFor].name, { ...payload, ...place })
    return { ...payload, sealed: fields.sealed ?? seal({ key: Buffer.from(keys[sealKey], 'base64url'), plaintext: typeof content === 'string' ? content : JSON.stringify(content), associated }) }
  }
  const ended = async (queue: QueueName, payload: MailPayload) =>
    await until(async () => {
      const state = await producers[queue].stateOf(payload.delivery_id)
      return state === 'finished' || state === 'failed' ? state : undefined
    }, { what: 'the end of the job', timeoutMs: 20_000 })
  const send = async (queue: QueueName, payload: MailPayload) => {
    await producers[queue].add(payload)
    return await ended(queue, payload)
  }
  const delivery = async ({ delivery_id }: MailPayload, name = database) => await mongo.client.db(name).collection<Row>('deliveries').findOne({ _id: delivery_id })
  const mailsOf = async ({ delivery_id }: MailPayload) => (await smtp.mails()).filter(({ messageId }) => messageId === `<${delivery_id}@house.example.com>`)

  return { io: io as ProducerOptions, env, mongo, db, redis, admin, smtp, logs, producers, openService, payloadOf, send, ended, delivery, mailsOf }
}
