/** otp-service as the other services meet it: over its command lists, its mails and its receipts. */
import { randomBytes } from 'node:crypto'
import {
  beginEmailFactor, confirmEmailFactor, createChallenge, mailFromOtp, mailSealContext, MailContent, Problem, verifyChallenge,
  type Job, type MailPayload, type ReplyOf, type RequestOf
} from '@countersign/contracts'
import { createCommandClient, jobConnection, startWorker, type CommandClient, type WorkerOptions } from '@countersign/redis'
import { createLogger, createMetrics, newId, readEnvironment, type Lifecycle } from '@countersign/runtime'
import { createReceiptVerifier, generateReceiptKey, open as openSeal, randomToken } from '@countersign/secrets'
import { captureLogs, sharedMongo, startRedis, until, type TestMongo } from '@countersign/testing'
import type { Test } from 'tap'
import { Value } from 'typebox/value'
import { startApp } from '../src/app.ts'
import { compose } from '../src/compose.ts'
import { configFrom, environment } from '../src/config.ts'

export type CodeMail = Extract<MailContent, { template: 'code' }>

export interface Mailbox {
  /** The newest mail to that address that satisfies the predicate. */
  readonly newest: (to: string, predicate?: (mail: MailContent) => boolean) => Promise<MailContent>
  readonly code: (to: string, textHas?: string) => Promise<string>
  readonly to: (address: string) => MailContent[]
  readonly requestIds: string[]
  readonly all: MailContent[]
  readonly sealed: string[]
}

export interface User { readonly userId: string, readonly sessionId: string, readonly address: string, readonly factorRoot: string, readonly factorId: string }

const noted: { lines: () => string }[] = []
/** Every log line of every service that this file opened. */
export const allLogs = (): string => noted.map(({ lines }) => lines()).join('\n')

/** The slug of the problem that a call was refused with; `none` when it was not refused. */
export const refusal = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call
    return 'none'
  } catch (error) {
    if (error instanceof Problem) return error.kind.slug
    throw error
  }
}

export const wrong = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
export const newAddress = (): string => `person-${randomBytes(6).toString('hex')}@mail.example.com`
export const newUser = () => ({ userId: newId('usr'), sessionId: newId('ses') })

export const openHouse = async (t: Test, given: Record<string, string> = {}, mongoServer?: TestMongo) => {
  const mongo = mongoServer ?? await sharedMongo(t)
  const redis = await startRedis(t)
  const receiptKey = generateReceiptKey()
  const env = {
    MONGODB_URI: mongo.uri,
    REDIS_URL: redis.url,
    PUBLIC_URL: 'http://localhost:8000',
    SECRET_KEY: randomToken(48),
    RECEIPT_PRIVATE_JWK: JSON.stringify(receiptKey.privateJwk),
    MAIL_SEAL_KEY: randomToken(32),
    OTP_SENDS_PER_MINUTE: '1000',
    OTP_SENDS_PER_HOUR: '10000',
    OTP_SENDS_PER_PLACE_PER_HOUR: '10000',
    OTP_ENROLMENTS_PER_HOUR: '1000',
    OTP_ENROLMENTS_PER_DAY: '1000',
    FACTOR_OBJECTION_HOURS: '0',
    LOG_LEVEL: 'debug',
    ...given
  }
  const database = mongo.freshDatabase()
  const logs = captureLogs()
  noted.push({ lines: logs.text })
  const log = createLogger({ service: 'test', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
  const metrics = createMetrics({ service: 'test', sha: 'dev' })

  const openService = async (more: Record<string, string> = {}) => {
    const config = configFrom(readEnvironment(environment, { ...env, ...more }))
    const own = createMetrics({ service: 'otp-service', sha: 'dev' })
    const serviceLog = createLogger({ service: 'otp-service', level: 'debug', sha: 'dev', environment: 'test', destination: logs.destination })
    const stops: (() => unknown)[] = []
    const lifecycle: Lifecycle = { signal: new AbortController().signal, onStop: (_label, stop) => { stops.push(stop) }, fail: (reason) => { throw reason } }
    const parts = await compose({ config: { ...config, mongo: { ...config.mongo, database } }, log: serviceLog, metrics: own, lifecycle })
    await startApp({ config, parts, log: serviceLog, metrics: own, lifecycle })
    let stopped = false
    const stop = async () => {
      if (stopped) return
      stopped = true
      for (const undo of stops.reverse()) await undo()
    }
    t.teardown(stop)
    return { stop, metrics: own.text, parts }
  }

  const client = async (service: 'auth-gateway' | 'signer-service'): Promise<CommandClient> => {
    const made = await createCommandClient({ url: redis.url, service, log, metrics })
    t.teardown(made.close)
    return made
  }
  const mails = readMails(t, redis.url, Buffer.from(env.MAIL_SEAL_KEY, 'base64url'), { log, metrics })
  const service = await openService()
  const [gateway, signer] = await Promise.all([client('auth-gateway'), client('signer-service')])
  const ask = { requestId: 'req-test' }
  const receipts = createReceiptVerifier({ keys: [receiptKey.publicJwk] })

  const begin = (request: RequestOf<typeof beginEmailFactor>, commandId?: string) => gateway.call(beginEmailFactor, request, { ...ask, ...commandId !== undefined && { commandId } })
  const confirm = (request: RequestOf<typeof confirmEmailFactor>, commandId?: string) => gateway.call(confirmEmailFactor, request, { ...ask, ...commandId !== undefined && { commandId } })

  /** A user with a proved address. */
  const enrol = async (address = newAddress(), who = newUser()): Promise<User> => {
    const { challenge_id } = await begin({ user_id: who.userId, session_id: who.sessionId, email: address })
    const { factor_id, receipt } = await confirm({ user_id: who.userId, session_id: who.sessionId, challenge_id, code: await mails.code(address) })
    return { ...who, address, factorId: factor_id, factorRoot: (await receipts.verify(receipt)).factor_root }
  }
  const transaction = (user: User, more: Partial<RequestOf<typeof createChallenge>> = {}): RequestOf<typeof createChallenge> => ({
    challenge_id: newId('chl'), purpose: 'transaction', user_id: user.userId, session_id: user.sessionId, factor_root: user.factorRoot,
    action_digest: `0x${randomBytes(32).toString('hex')}`, text: `Send 1 ETH, reference ${randomBytes(8).toString('hex')}`, factor_kinds: ['email_code', 'sms', 'wallet'], ...more
  })
  /** A pending challenge about a transaction, with its code. */
  const challenge = async (user: User, more: Partial<RequestOf<typeof createChallenge>> = {}) => {
    const request = transaction(user, more)
    const view = await signer.call(createChallenge, request, ask)
    return { request, view, id: request.challenge_id, code: await mails.code(user.address, request.text) }
  }
  const verify = (user: Pick<User, 'userId' | 'sessionId'>, id: string, code: string): Promise<ReplyOf<typeof verifyChallenge>> =>
    signer.call(verifyChallenge, { challenge_id: id, user_id: user.userId, session_id: user.sessionId, code }, ask)

  return { env, mongo, db: mongo.client.db(database), redis, logs, io: { log, metrics } as Pick<WorkerOptions<Job>, 'log' | 'metrics'>, service, openService, gateway, signer, mails, receipts, ask, begin, confirm, enrol, transaction, challenge, verify }
}

/** Takes the mail jobs in email-worker's place, with its key. */
function readMails (t: Test, url: string, key: Buffer, io: Pick<Parameters<typeof startWorker>[1], 'log' | 'metrics'>): Mailbox {
  const all: MailContent[] = []
  const sealed: string[] = []
  const requestIds: string[] = []
  const worker = startWorker(mailFromOtp, {
    ...io,
    connection: jobConnection(url, 'email-worker'),
    handle: async (payload: MailPayload) => {
      const content: unknown = JSON.parse(openSeal({ key, sealed: payload.sealed, associated: mailSealContext(mailFromOtp.name, payload) }).toString())
      all.push(Value.Parse(MailContent, content))
      sealed.push(payload.sealed)
      requestIds.push(payload.request_id)
    }
  })
  t.teardown(worker.close)
  const newest: Mailbox['newest'] = async (to, predicate = () => true) =>
    await until(() => all.findLast((mail) => mail.to === to && predicate(mail)), { what: 'a mail', timeoutMs: 30_000 })
  return {
    all,
    sealed,
    requestIds,
    newest,
    to: (address) => all.filter(({ to }) => to === address),
    code: async (to, textHas = '') => {
      const mail = await newest(to, (mail) => mail.template === 'code' && mail.parameters.text.includes(textHas)) as CodeMail
      return mail.parameters.code
    }
  }
}
