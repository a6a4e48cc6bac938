/** One client per process: a pool, majority writes, and a name under which the operator finds it. */
import type { Logger, Metrics } from '@countersign/runtime'
import { MongoClient, type Db } from 'mongodb'
import { monitorClient } from './monitoring.ts'

export interface MongoOptions {
  readonly uri: string
  /** The database of the service; what the URI's path says is only where its user is kept. */
  readonly database: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Shown by the server in `currentOp` and its log. Default: the database's name. */
  readonly name?: string
  readonly maxPoolSize?: number
  readonly minPoolSize?: number
  readonly socketTimeoutMs?: number
  readonly serverSelectionTimeoutMs?: number
}

export interface Mongo {
  readonly client: MongoClient
  readonly db: Db
  /** Whether the database answers within two seconds. Never throws. */
  ping (): Promise<boolean>
  /** Ends the pool; what is still running fails. */
  close (): Promise<void>
}

const pingTimeoutMs = 2_000

/**
 * Connects and proves that the database answers.
 * @throws MongoServerSelectionError after the selection timeout, MongoServerError when the credentials are refused
 */
export const connectMongo = async ({
  uri, database, log, metrics, name = database,
  maxPoolSize = 20, minPoolSize = 5, socketTimeoutMs = 45_000, serverSelectionTimeoutMs = 5_000
}: MongoOptions): Promise<Mongo> => {
  const client = new MongoClient(uri, {
    appName: name,
    maxPoolSize,
    minPoolSize,
    socketTimeoutMS: socketTimeoutMs,
    serverSelectionTimeoutMS: serverSelectionTimeoutMs,
    writeConcern: { w: 'majority' },
    readConcern: { level: 'majority' },
    retryWrites: true,
    retryReads: true,
    // `true` would drop an undefined out of a filter, and a filter without its condition matches every row.
    ignoreUndefined: false,
    monitorCommands: true
  })
  const stopCounting = monitorClient(client, { log, metrics })
  const db = client.db(database)

  const close = async (): Promise<void> => {
    stopCounting()
    await client.close()
  }

  try {
    await client.connect()
    await db.command({ ping: 1 })
  } catch (error) {
    await close()
    throw error
  }

  return {
    client,
    db,
    close,
    ping: async () => {
      try {
        await db.command({ ping: 1 }, { timeoutMS: pingTimeoutMs })
        return true
      } catch {
        return false
      }
    }
  }
}
