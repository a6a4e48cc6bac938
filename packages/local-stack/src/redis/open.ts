import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import type { ProcessRecords } from '../process/records.ts'
import { StackFault } from '../stack-fault.ts'
import type { StackSecrets } from '../stack-secrets.ts'
import type { Progress } from '../tools/progress.ts'
import { redisRules, redisUsers } from './acl.ts'
import { ask, startRedisServer, type RedisServer } from './server.ts'

export interface OpenRedis {
  readonly adminUrl: string
  readonly urlFor: (service: ServiceName) => string
  /** Absent when the server is not ours. */
  readonly server: RedisServer | undefined
  readonly stop: () => Promise<void>
}

export interface OpenRedisOptions {
  readonly dataDirectory: string
  readonly secrets: StackSecrets
  readonly records: ProcessRecords
  readonly logFile: string
  readonly port: number | undefined
  readonly redisUrl: string | undefined
  readonly sharedCredentials: boolean
  readonly onProgress: Progress
}

/** The Redis of `redisUrl`, else one of our own, with a user per service. @throws StackFault */
export const openRedis = async (options: OpenRedisOptions): Promise<OpenRedis> => {
  const { secrets: { administratorPassword, passwords }, redisUrl, onProgress } = options
  if (redisUrl !== undefined) return await openGiven(redisUrl, passwords, options)
  const server = await startRedisServer({
    directory: join(options.dataDirectory, 'redis'),
    password: administratorPassword,
    users: redisUsers(passwords),
    port: options.port,
    logFile: options.logFile,
    records: options.records,
    onProgress
  })
  return { adminUrl: server.url, server, stop: server.stop, urlFor: (service) => redisUrlFor(server.url, service, passwords[service]) }
}

const openGiven = async (adminUrl: string, passwords: StackSecrets['passwords'], { sharedCredentials, onProgress }: OpenRedisOptions): Promise<OpenRedis> => {
  const given = { adminUrl, server: undefined, stop: async () => undefined }
  try {
    await ensureRedisUsers(adminUrl, passwords)
    return { ...given, urlFor: (service) => redisUrlFor(adminUrl, service, passwords[service]) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (!sharedCredentials) throw new StackFault(`Redis has no users for the services (${reason}): give REDIS_URL a user of Redis 6.2 or later who may run ACL SETUSER, or pass --shared-credentials to go on without isolation.`)
    onProgress('Redis: all services share one user; isolation is OFF')
    return { ...given, urlFor: () => adminUrl }
  }
}

/** Makes the services' users in a Redis that runs already, or gives existing ones this password and today's rights. */
export const ensureRedisUsers = async (adminUrl: string, passwords: Readonly<Record<ServiceName, string>>): Promise<void> => {
  await ask(adminUrl, async (redis) => {
    const version = /redis_version:([\d.]+)/.exec(await redis.info('server'))?.[1] ?? '6.2'
    for (const service of serviceNames) await redis.call('ACL', 'SETUSER', service, ...redisRules(service, passwords[service], version))
  })
}

/** The administrator's URL with a service's user in it. */
export const redisUrlFor = (adminUrl: string, service: ServiceName, password: string): string => {
  const url = new URL(adminUrl)
  url.username = service
  url.password = password
  return url.href
}
