/** A whole gateway in this process over real MongoDB and Redis; the services behind it are command servers of the test. */
import { mailSealContext, type MailContent, type MailPayload, type ServiceName } from '@countersign/contracts'
import { startCommandServer, type CommandHandler } from '@countersign/redis'
import { createLogger, createMetrics, readEnvironment, type Lifecycle, type Logger } from '@countersign/runtime'
import { generateAccessTokenKey, generateReceiptKey, keyFromText, open as openSeal, randomToken, type GeneratedKey } from '@countersign/secrets'
import { captureLogs, sharedMongo, startRedis, type TestContext, type TestMongo, type TestRedis } from '@countersign/testing'
import type { LocalAccount } from 'viem'
import { compose } from '../src/compose.ts'
import { configFrom, environment, type GatewayConfig } from '../src/config.ts'

export interface TestGateway {
  /** Under which MongoDB knows its connections: one process is told from another by it. */
  readonly name: string
  readonly url: string
  readonly opsUrl: string
  readonly send: (method: string, path: string, given?: Given) => Promise<Answer>
  readonly stop: () => Promise<void>
}

export interface Given {
  readonly body?: unknown
  readonly raw?: string
  readonly token?: string
  readonly headers?: Record<string, string>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

export interface Parts {
  readonly name: string
  readonly config: GatewayConfig
  readonly log: Logger
  readonly lifecycle: Lifecycle
  readonly stop: () => Promise<void>
}

export interface House {
  readonly mongo: TestMongo
  readonly redis: TestRedis
  readonly receiptKey: GeneratedKey
  readonly accessKey: GeneratedKey
  readonly logs: ReturnType<typeof captureLogs>
  /** @param changes for what the environment of a test cannot have, as the strictness of production */
  readonly open: (overrides?: Record<string, string>, changes?: Partial<GatewayConfig>) => Promise<TestGateway>
  /** What `open` is made from, for a test that joins a part of the gateway itself. */
  readonly parts: (overrides?: Record<string, string>) => Parts
  /** Mails that the gateway wrote to that address, opened, the oldest first. */
  readonly mailsTo: (address: string) => Promise<MailContent[]>
  readonly answerFor: (service: ServiceName, handlers: readonly CommandHandler[]) => Promise<void>
}

export async function buildHouse (t: TestContext): Promise<House> {
  const [mongo, redis] = await Promise.all([sharedMongo(t), startRedis(t)])
  const receiptKey = generateReceiptKey()
  const accessKey = generateAccessTokenKey()
  const logs = captureLogs()
  const base: Record<string, string> = {
    MONGODB_URI: mongo.uri,
    REDIS_URL: redis.url,
    PUBLIC_URL: 'http://gateway.test:8000',
    PORT: '0',
    EVM_CHAIN_IDS: '31337,1',
    SECRET_KEY: randomToken(48),
    MAIL_SEAL_KEY: randomToken(32),
    ACCESS_TOKEN_PRIVATE_JWK: JSON.stringify(accessKey.privateJwk),
    RECEIPT_PUBLIC_JWKS: JSON.stringify({ keys: [receiptKey.publicJwk] }),
    RATE_LIMIT_MAX: '1000000',
    AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000',
    START_TIMEOUT_SECONDS: '10'
  }

  let opened = 0
  const parts = (overrides: Record<string, string> = {}): Parts => {
    const name = `gateway ${opened += 1}`
    const config = configFrom(readEnvironment(environment, { ...base, ...overrides }))
    const stops: (() => unknown)[] = []
    const stop = async (): Promise<void> => {
      for (let next = stops.pop(); next !== undefined; next = stops.pop()) await next()
    }
    t.teardown(stop)
    const ownMongo = { ...config.mongo, database: mongo.database, name }
    return {
      name,
      config: { ...config, mongo: ownMongo },
      log: createLogger({ service: 'auth-gateway', level: 'debug', sha: 'test', environment: 'test', destination: logs.destination }),
      lifecycle: {
        signal: new AbortController().signal,
        onStop: (_label, undo) => { stops.push(undo) },
        fail: (reason) => { throw reason }
      },
      stop
    }
  }

  return {
    mongo, redis, receiptKey, accessKey, logs, parts,

    async open (overrides = {}, changes = {}) {
      const { name, config, log, lifecycle, stop } = parts(overrides)
      const { url, opsUrl } = await compose({ ...config, ...changes }, log, lifecycle)
      return { name, url, opsUrl, stop, send: (method, path, given) => send(url, method, path, given) }
    },

    async mailsTo (address) {
      const rows = await mongo.db.collection<{ payload: MailPayload }>('outbox').find({ queue: 'mail-gateway' }).sort({ _id: 1 }).toArray()
      return rows.map(({ payload }) => JSON.parse(openSeal({ key: keyFromText(base['MAIL_SEAL_KEY'] ?? ''), sealed: payload.sealed, associated: mailSealContext('mail-gateway', payload) }).toString()) as MailContent)
        .filter(({ to }) => to === address)
    },

    async answerFor (service, handlers) {
      const log = createLogger({ service, level: 'debug', sha: 'test', environment: 'test', destination: logs.destination })
      const server = await startCommandServer({ url: redis.url, service, log, metrics: createMetrics({ service, sha: 'test' }), handlers })
      t.teardown(() => server.close())
    }
  }
}

async function send (base: string, method: string, path: string, { body, raw, token, headers = {} }: Given = {}): Promise<Answer> {
  const response = await fetch(new URL(path, base), {
    method,
    headers: {
      ...(body === undefined && raw === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers
    },
    ...(body === undefined && raw === undefined ? {} : { body: raw ?? JSON.stringify(body) })
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, json: (isJson && text !== '' ? JSON.parse(text) : {}) as Answer['json'] }
}

export interface Proof {
  readonly address: string
  readonly signed_message: string
  readonly signature: string
  readonly challenge_id: string
}

/** A challenge for that account, signed by it. */
export async function proofOf (gateway: TestGateway, account: LocalAccount): Promise<Proof> {
  const { json } = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address: account.address } })
  const message = String(json['message'])
  return { address: account.address, signed_message: message, signature: await account.signMessage({ message }), challenge_id: String(json['challenge_id']) }
}

export interface Tokens { readonly access: string, readonly refresh: string, readonly userId: string }

export async function signIn (gateway: TestGateway, account: LocalAccount): Promise<Tokens> {
  const { status, json, text } = await gateway.send('POST', '/api/v1/auth/evm/verify', { body: await proofOf(gateway, account) })
  if (status !== 200) throw new Error(`sign-in answered ${status}: ${text}`)
  return tokensIn(json)
}

export const tokensIn = (json: Answer['json']): Tokens =>
  ({ access: String(json['access_token']), refresh: String(json['refresh_token']), userId: String((json['user'] as { id: string }).id) })
