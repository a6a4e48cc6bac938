/** The gateway and otp-service as production starts them, on a MongoDB and a Redis of their own; email-worker and its mail server where they are wanted. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stores, type ServiceName } from '@countersign/contracts'
import { freePort, serviceNodeFlags, startStack, type Stack } from '@countersign/local-stack'
import { until } from '@countersign/testing'
import { MongoClient, type Db } from 'mongodb'
import { createHttpCaller, type HttpCaller } from '../load/http-caller.ts'

export interface OtpHouse {
  readonly http: HttpCaller
  /** A bare Fastify server, see ../gateway/bare-server.ts. */
  readonly bare: HttpCaller
  readonly stack: Stack
  /** Process ids, for CPU time; `load` is this process. Services that are started later are in it from then on. */
  readonly processes: Record<string, number>
  /** otp-service's database, past the service. */
  readonly mongo: Db
  /** Waits until it is ready. */
  start (service: ServiceName, environment: Readonly<Record<string, string>>): Promise<void>
  close (): Promise<void>
}

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const connections = 100

/** Limits are counted, and set too high to refuse. Budgets of wrong codes are as they always are; a lock ends after a second, so that what a day allows is found within the run. */
const limits: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>> = {
  'auth-gateway': { RATE_LIMIT_MAX: '100000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '100000000' },
  'otp-service': { OTP_TTL_SECONDS: '900', OTP_SENDS_PER_MINUTE: '10000', OTP_SENDS_PER_HOUR: '100000', OTP_SENDS_PER_PLACE_PER_HOUR: '1000000000', OTP_ENROLMENTS_PER_HOUR: '100000', OTP_ENROLMENTS_PER_DAY: '1000000', OTP_LOCK_SECONDS: '1' }
}

/** `SERVICE_NODE_ARGS` goes to the services' Node, such as `--cpu-prof --cpu-prof-dir=profiles`. */
export async function openOtpHouse (): Promise<OtpHouse> {
  const directory = await mkdtemp(`${tmpdir()}/countersign-bench-`)
  const stack = await startStack({ dataDirectory: directory, parts: ['mongo', 'redis', 'smtp'] })
  const children: ChildProcess[] = []
  const mongo = new MongoClient(stack.mongo.adminUri)
  const callers: HttpCaller[] = []
  const callerOf = (origin: string): HttpCaller => {
    const caller = createHttpCaller(origin, connections)
    callers.push(caller)
    return caller
  }
  const close = async (): Promise<void> => {
    for (const caller of callers) caller.close()
    for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      child.kill()
      await once(child, 'exit')
    }
    await mongo.close()
    await stack.stop()
    await rm(directory, { recursive: true, force: true })
  }
  const processes: Record<string, number> = { load: process.pid }
  const start: OtpHouse['start'] = async (service, environment) => {
    const port = await freePort()
    const logFile = join(directory, `${service}.log`)
    const log = openSync(logFile, 'a', 0o600)
    const child = spawn(process.execPath, [...serviceNodeFlags, ...process.env['SERVICE_NODE_ARGS']?.split(' ') ?? [], `${root}services/${service}/dist/src/main.js`], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], ...stack.environmentFor(service), OPS_PORT: String(port), ...limits[service], ...environment }
    })
    closeSync(log)
    children.push(child)
    const isReady = () => fetch(`http://127.0.0.1:${port}/ready`).then(({ ok }) => ok, () => false)
    await until(async () => child.exitCode !== null || await isReady(), { timeoutMs: 30_000, what: service })
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`${service} did not start:\n${await readFile(logFile, 'utf8')}`)
    processes[service] = child.pid
  }
  try {
    await start('otp-service', {})
    await start('auth-gateway', {})
    const bare = fork(fileURLToPath(new URL('../gateway/bare-server.js', import.meta.url)))
    children.push(bare)
    const [barePort] = await once(bare, 'message') as [number]
    await mongo.connect()
    const { pid } = await mongo.db('admin').command({ serverStatus: 1 })
    if (stack.redis.server === undefined) throw new Error('a process is missing')
    Object.assign(processes, { mongod: Number(pid), redis: stack.redis.server.pid })
    return {
      http: callerOf(`http://127.0.0.1:${stack.gatewayPort}`),
      bare: callerOf(`http://127.0.0.1:${barePort}`),
      stack, processes, mongo: mongo.db(stores['otp-service'].database), start, close
    }
  } catch (error) {
    await close()
    throw error
  }
}
