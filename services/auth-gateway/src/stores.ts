/** What the gateway connects to, opened in this order and closed in the reverse one. */
import { accountDeleteOtp, accountDeleteSigner, mailFromGateway, type Job } from '@countersign/contracts'
import { connectMongo, createLeases, createOutbox, createOutboxDispatcher, startIndexes, type Mongo, type Outbox, type OutboxDispatcher, type OutboxProducer } from '@countersign/mongo'
import { connectRedis, createCommandClient, createProducer, jobConnection, type CommandClient, type Redis } from '@countersign/redis'
import { newId, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import type { GatewayConfig } from './config.ts'
import { indexes } from './indexes.ts'

export interface Stores {
  readonly mongo: Mongo
  readonly redis: Redis
  readonly outbox: Outbox
  readonly dispatcher: OutboxDispatcher
  readonly commands: CommandClient
}

export interface OpenStoresOptions {
  readonly config: Pick<GatewayConfig, 'mongo' | 'redis' | 'startTimeoutSeconds'>
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

const service = 'auth-gateway'
const sweepMs = 2_000

/** @throws Error naming what was not there within START_TIMEOUT_SECONDS. */
export async function openStores ({ config, log, metrics, lifecycle }: OpenStoresOptions): Promise<Stores> {
  const { startTimeoutSeconds: seconds } = config
  const { signal } = lifecycle
  const within = <T>(label: string, attempt: () => Promise<T>): Promise<T> => retryWithin({ label, seconds, log, signal }, attempt)
  const { url } = config.redis

  const mongo = await within('MongoDB (MONGODB_URI)', () => connectMongo({ ...config.mongo, log, metrics }))
  lifecycle.onStop('mongodb', () => mongo.close())
  const redis = await within('Redis (REDIS_URL)', () => connectRedis({ url, name: service, log }))
  lifecycle.onStop('redis', () => { redis.disconnect() })
  await startIndexes({ mongo, leases: createLeases(mongo.db), indexes, holder: newId('prc'), seconds, log, signal })

  const producers = Object.fromEntries([mailFromGateway, accountDeleteOtp, accountDeleteSigner].map((job) => {
    const producer = createProducer(job as unknown as Job, { connection: jobConnection(url, service), log, metrics })
    lifecycle.onStop(`producer of ${job.name}`, () => producer.close())
    return [job.name, producer as OutboxProducer]
  }))
  const outbox = createOutbox(mongo.db)
  const dispatcher = createOutboxDispatcher({ outbox, producers, log, metrics })
  dispatcher.start(sweepMs)
  lifecycle.onStop('outbox', () => dispatcher.close())

  const commands = await within('Redis (commands)', () => createCommandClient({ url, service, log, metrics }))
  lifecycle.onStop('commands', () => commands.close())
  return { mongo, redis, outbox, dispatcher, commands }
}
