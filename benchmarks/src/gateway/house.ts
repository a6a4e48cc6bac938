/** One gateway process as production starts it, on a MongoDB and a Redis of its own, and a bare Fastify server to compare it with. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stores } from '@countersign/contracts'
import { serviceNodeFlags, startStack } from '@countersign/local-stack'
import { until } from '@countersign/testing'
import { MongoClient, type Db } from 'mongodb'
import { createHttpCaller, type Call, type HttpCaller } from '../load/http-caller.ts'

export interface House {
  readonly http: HttpCaller
  /** A bare Fastify server, see bare-server.ts. */
  readonly bare: HttpCaller
  /** Process ids, for CPU time; `load` is this process. */
  readonly processes: Readonly<Record<'gateway' | 'mongod' | 'redis' | 'load', number>>
  /** The gateway's database, past the gateway. */
  readonly mongo: Db
  close (): Promise<void>
}

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const connections = 100

/**
 * The general limits and those of sign-in are counted, and set too high to refuse: all calls come from one address.
 * What `GATEWAY_NODE_ARGS` says goes to the gateway's Node, such as `--cpu-prof --cpu-prof-dir=profiles`.
 */
export async function openHouse (environment: Readonly<Record<string, string>> = {}): Promise<House> {
  const directory = await mkdtemp(`${tmpdir()}/countersign-bench-`)
  const stack = await startStack({ dataDirectory: directory, parts: ['mongo', 'redis'] })
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
  try {
    const url = `http://127.0.0.1:${stack.gatewayPort}`
    const logFile = join(directory, 'gateway.log')
    const log = openSync(logFile, 'a', 0o600)
    const gateway = spawn(process.execPath, [...serviceNodeFlags, ...process.env['GATEWAY_NODE_ARGS']?.split(' ') ?? [], `${root}services/auth-gateway/dist/src/main.js`], {
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'], ...stack.environmentFor('auth-gateway'), OPS_PORT: '0',
        RATE_LIMIT_MAX: '100000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '100000000', ...environment
      }
    })
    closeSync(log)
    children.push(gateway)
    await until(async () => gateway.exitCode !== null || (await fetch(`${url}/health`)).status === 200, { timeoutMs: 30_000, what: 'the gateway' })
    if (gateway.exitCode !== null) throw new Error(`the gateway did not start:\n${await readFile(logFile, 'utf8')}`)

    const bare = fork(fileURLToPath(new URL('./bare-server.js', import.meta.url)))
    children.push(bare)
    const [barePort] = await once(bare, 'message') as [number]

    await mongo.connect()
    const { pid } = await mongo.db('admin').command({ serverStatus: 1 })
    if (gateway.pid === undefined || stack.redis.server === undefined) throw new Error('a process is missing')
    return {
      http: callerOf(url),
      bare: callerOf(`http://127.0.0.1:${barePort}`),
      processes: { gateway: gateway.pid, mongod: Number(pid), redis: stack.redis.server.pid, load: process.pid },
      mongo: mongo.db(stores['auth-gateway'].database),
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** @returns the answer's JSON. @throws Error for any other status than the wanted one */
export async function ask (http: Pick<HttpCaller, 'call'>, call: Call, wanted = 200): Promise<unknown> {
  const { status, body } = await http.call(call)
  if (status !== wanted) throw new Error(`${call.method} ${call.path} answered ${status}: ${body}`)
  return body === '' ? undefined : JSON.parse(body) as unknown
}
