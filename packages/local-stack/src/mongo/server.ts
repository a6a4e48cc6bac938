import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { MongoClient, MongoServerError } from 'mongodb'
import { startChild, type Child } from '../process/child.ts'
import type { ProcessRecords } from '../process/records.ts'
import { waitUntilReady } from '../process/readiness.ts'
import { startOnPort } from '../process/start-on-port.ts'
import { findMongod } from '../tools/mongod.ts'
import type { Progress } from '../tools/progress.ts'

export interface MongoServer {
  readonly process: Child
  readonly port: number
  /** URL of a user that may do everything. */
  readonly adminUri: string
  readonly stop: () => Promise<void>
}

export interface MongoServerOptions {
  readonly directory: string
  /** Of the administrator; must be the same for the same directory. */
  readonly password: string
  readonly port?: number | undefined
  readonly logFile?: string | undefined
  readonly records?: ProcessRecords | undefined
  readonly onProgress?: Progress | undefined
}

const administrator = 'countersign-admin'
const replicaSet = 'rs0'

export const mongoUri = (where: { user: string, password: string, host: string, database?: string, authSource: string }): string =>
  `mongodb://${where.user}:${encodeURIComponent(where.password)}@${where.host}/${where.database ?? ''}?replicaSet=${replicaSet}&authSource=${where.authSource}`

/**
 * A mongod as a replica set of one, with authorization. Transactions need the replica set, a replica set with authorization needs
 * the key file, and the first user is made through the localhost exception: no shell is needed.
 * @throws StackFault when the port is taken, no mongod can be had, or it does not become primary
 */
export const startMongo = async (options: MongoServerOptions): Promise<MongoServer> => {
  const binary = await findMongod(options.onProgress)
  const dataPath = join(options.directory, 'data')
  const keyFile = join(options.directory, 'key')
  mkdirSync(dataPath, { recursive: true, mode: 0o700 })
  if (!existsSync(keyFile)) writeFileSync(keyFile, randomBytes(96).toString('base64'), { mode: 0o600 })
  // mongod refuses a key that others may read.
  chmodSync(keyFile, 0o600)

  const { child, port } = await startOnPort('MongoDB', options.port, /address already in use|SocketException.*in use/i, async (port) => {
    const child = await startChild({
      label: 'mongod',
      command: binary,
      args: [
        '--dbpath', dataPath, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket',
        '--replSet', replicaSet, '--keyFile', keyFile, '--oplogSize', '64', '--wiredTigerCacheSizeGB', '0.25',
        '--setParameter', 'diagnosticDataCollectionEnabled=false',
        // A process that dies inside a transaction holds what it wrote until the server gives the transaction up: a minute by default.
        '--setParameter', 'transactionLifetimeLimitSeconds=15', '--quiet'
      ],
      logFile: options.logFile ?? join(options.directory, 'mongod.log'),
      records: options.records,
      stopDeadlineMs: 15_000
    })
    await waitUntilReady(child, async () => await becomePrimary(port, options.password), 60_000)
    return child
  })

  const host = `127.0.0.1:${port}`
  return {
    process: child,
    port,
    adminUri: mongoUri({ user: administrator, password: options.password, host, authSource: 'admin' }),
    stop: child.stop
  }
}

/** One step towards a primary with an administrator, whatever state the directory is in. True when both are there. */
const becomePrimary = async (port: number, password: string): Promise<boolean> => {
  const host = `127.0.0.1:${port}`
  const options = { directConnection: true, serverSelectionTimeoutMS: 1_000, maxPoolSize: 1 }
  const admin = new MongoClient(`mongodb://${host}`, { ...options, auth: { username: administrator, password }, authSource: 'admin' })
  const stranger = new MongoClient(`mongodb://${host}`, options)
  try {
    // Fails as long as nothing listens; hello needs no user.
    const hello = await stranger.db('admin').command({ hello: 1 })
    if (hello['isWritablePrimary'] === true) {
      await ensureAdministrator(stranger, admin, password)
      return true
    }
    if (hello['setName'] !== undefined) return false
    await enterReplicaSet(stranger, admin, host)
    return false
  } finally {
    await Promise.all([admin.close(), stranger.close()])
  }
}

/** A new directory starts a set; an old one whose port has changed does not find itself in its own set any more. */
const enterReplicaSet = async (stranger: MongoClient, admin: MongoClient, host: string): Promise<void> => {
  const config = { _id: replicaSet, members: [{ _id: 0, host }] }
  try {
    await stranger.db('admin').command({ replSetInitiate: config })
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error
    // Unauthorized (13): the localhost exception is over, so there is an administrator. AlreadyInitialized (23).
    if (error.code !== 13 && error.code !== 23) throw error
    const current = await admin.db('admin').command({ replSetGetConfig: 1 })
    await admin.db('admin').command({ replSetReconfig: { ...current['config'], members: config.members, version: Number(current['config'].version) + 1 }, force: true })
  }
}

const ensureAdministrator = async (stranger: MongoClient, admin: MongoClient, password: string): Promise<void> => {
  try {
    await stranger.db('admin').command({ createUser: administrator, pwd: password, roles: ['root'] })
  } catch (error) {
    // Unauthorized: the localhost exception ended with the first user, which is ours if the password opens it.
    if (!(error instanceof MongoServerError) || error.code !== 13) throw error
    await admin.db('admin').command({ ping: 1 })
  }
}
