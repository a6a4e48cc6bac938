/** What runs, in the order in which it starts; it stops in the reverse order, the workers first. */
import { startOpsServer } from '@countersign/http'
import { startIndexes } from '@countersign/mongo'
import { jobConnection } from '@countersign/redis'
import { newId, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { mailJobs, smsJobs, type Parts } from './compose.ts'
import type { Config } from './config.ts'
import { indexes } from './indexes.ts'
import { startHeartbeat } from './smtp/heartbeat.ts'
import { startDeliveryWorkers } from './workers/delivery-workers.ts'

export interface AppOptions {
  readonly config: Config
  readonly parts: Parts
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

const longestLockMs = 10_000

export async function startApp ({ config, parts, log, metrics, lifecycle }: AppOptions): Promise<void> {
  const { mongo, redis, smtp, clock, deliverMail, deliverSms, leases } = parts
  let working = false

  await startIndexes({ mongo, leases, indexes, holder: newId('prc'), seconds: config.process.startSeconds, log, signal: lifecycle.signal })

  const heartbeat = startHeartbeat({ smtp, redis, log })
  lifecycle.onStop('heartbeat', () => heartbeat.close())

  const answers = async () => ({ database: await mongo.ping(), redis: await redis.ping().then(() => true, () => false), smtp: heartbeat.alive() })
  const ops = await startOpsServer({
    ...config.ops,
    log,
    metrics,
    health: async () => {
      const found = await answers()
      const healthy = found.database && found.redis && found.smtp
      const word = (connected: boolean) => connected ? 'connected' : 'disconnected'
      return {
        healthy,
        body: {
          status: healthy ? 'healthy' : 'unhealthy',
          environment: config.process.environment,
          database: word(found.database),
          redis: word(found.redis),
          email_service: word(found.smtp),
          timestamp: clock.now().toISOString()
        }
      }
    },
    ready: async () => {
      const { database, redis } = await answers()
      // A mail server that is away makes mails late; the worker is still the one to take them.
      const reasons = [...working ? [] : ['mails are not taken'], ...database ? [] : ['MongoDB does not answer'], ...redis ? [] : ['Redis does not answer']]
      return { ready: reasons.length === 0, reasons }
    }
  })
  lifecycle.onStop('operations server', () => ops.close())

  const taking = {
    connection: jobConnection(config.redisUrl, 'email-worker'),
    concurrency: config.concurrency,
    // A code is waited for: it should not take the half minute that BullMQ gives a dead worker.
    lockMs: Math.min(config.leaseMs, longestLockMs),
    log,
    metrics
  }
  const workers = [startDeliveryWorkers({ ...taking, jobs: mailJobs, deliver: deliverMail }), startDeliveryWorkers({ ...taking, jobs: smsJobs, deliver: deliverSms })]
  working = true
  lifecycle.onStop('delivery workers', async () => {
    working = false
    await Promise.all(workers.map((each) => each.close()))
  })
  log.info({ ops: ops.url, queues: [...mailJobs, ...smsJobs].map(({ name }) => name) }, 'taking mails and text messages')
}
