import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { startChild, type Child } from '../process/child.ts'
import type { ProcessRecords } from '../process/records.ts'
import { waitUntilReady } from '../process/readiness.ts'
import { startOnPort } from '../process/start-on-port.ts'
import type { Progress } from '../tools/progress.ts'
import { findRedisServer } from '../tools/redis-server.ts'

export interface RedisServer {
  readonly port: number
  /** URL of the default user, which may do everything. */
  readonly url: string
  readonly version: string
  readonly pid: number
  /** SIGKILL: what AOF everysec has not written is lost, as in a crash. */
  readonly kill: () => Promise<void>
  /** Starts again on the same port and files; stops a running one in order first. */
  readonly restart: () => Promise<void>
  /** Empties it, jobs and all. */
  readonly flush: () => Promise<void>
  /** Stops answering without closing connections, as a machine that hangs. */
  readonly pause: () => void
  readonly resume: () => void
  readonly stop: () => Promise<void>
}

export interface RedisServerOptions {
  readonly directory: string
  /** Of the default user; none means no password. */
  readonly password?: string
  /** More users: name and rules, in the words of ACL SETUSER. */
  readonly users?: (version: string) => readonly { name: string, rules: readonly string[] }[]
  readonly port?: number | undefined
  readonly logFile?: string | undefined
  readonly records?: ProcessRecords | undefined
  readonly onProgress?: Progress | undefined
}

/** AOF and noeviction: jobs and commands are not a cache. The title stays as started, because processes are known by it. */
const configuration = (directory: string, port: number): string => `bind 127.0.0.1
port ${port}
dir "${directory}"
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
set-proc-title no
aclfile "${join(directory, 'users.acl')}"
`

const userFile = ({ password, users }: RedisServerOptions, version: string): string => {
  const secret = password === undefined ? 'nopass' : `#${createHash('sha256').update(password).digest('hex')}`
  const lines = [`user default on ${secret} ~* &* +@all`]
  for (const { name, rules } of users?.(version) ?? []) lines.push(`user ${name} ${rules.join(' ')}`)
  return `${lines.join('\n')}\n`
}

/**
 * A redis-server of its own, with its users in an ACL file so that they survive a restart.
 * @throws StackFault when the port is taken, no redis-server can be had, or it does not answer
 */
export const startRedisServer = async (options: RedisServerOptions): Promise<RedisServer> => {
  const tool = await findRedisServer(options.onProgress)
  const { directory, password } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(join(directory, 'users.acl'), userFile(options, tool.version), { mode: 0o600 })
  const configurationFile = join(directory, 'redis.conf')

  const launch = async (port: number): Promise<Child> => {
    writeFileSync(configurationFile, configuration(directory, port), { mode: 0o600 })
    const child = await startChild({
      label: 'redis-server',
      command: tool.path,
      args: [configurationFile],
      logFile: options.logFile ?? join(directory, 'redis.log'),
      records: options.records
    })
    await waitUntilReady(child, async () => await ask(urlOf(port, password), async (redis) => await redis.ping() === 'PONG'), 20_000)
    return child
  }

  const { child, port } = await startOnPort('Redis', options.port, /address already in use/i, launch)
  let current = child
  const url = urlOf(port, password)
  return {
    port,
    url,
    version: tool.version,
    get pid () { return current.pid },
    kill: async () => {
      current.kill('SIGKILL')
      await current.exited
    },
    restart: async () => {
      await current.stop()
      current = await launch(port)
    },
    flush: async () => { await ask(url, async (redis) => await redis.flushall()) },
    pause: () => { current.kill('SIGSTOP') },
    resume: () => { current.kill('SIGCONT') },
    stop: async () => {
      await current.stop()
      rmSync(configurationFile, { force: true })
    }
  }
}

const urlOf = (port: number, password?: string): string =>
  password === undefined ? `redis://127.0.0.1:${port}` : `redis://default:${encodeURIComponent(password)}@127.0.0.1:${port}`

/** One question over a connection of its own, which fails at once instead of trying again. */
export const ask = async <T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 2_000 })
  // Without a listener ioredis prints; the rejection below says the same.
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return await question(redis)
  } finally {
    redis.disconnect()
  }
}
