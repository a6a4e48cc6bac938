/** What runs, in the order in which it starts; it stops in the reverse order. */
import { startOpsServer } from '@countersign/http'
import { startIndexes } from '@countersign/mongo'
import { jobConnection, startCommandServer } from '@countersign/redis'
import { clockFrom, newId, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { challengeCommands } from './commands/challenge-commands.ts'
import { earlierOtpCommands } from './commands/earlier-otp-commands.ts'
import { factorCommands } from './commands/factor-commands.ts'
import { mailboxCommands } from './commands/mailbox-commands.ts'
import { passkeyCommands } from './commands/passkey-commands.ts'
import { smsCommands } from './commands/sms-commands.ts'
import { stepUpCommands } from './commands/step-up-commands.ts'
import { walletCommands } from './commands/wallet-commands.ts'
import type { Parts } from './compose.ts'
import type { Config } from './config.ts'
import { indexes } from './indexes.ts'
import { startAccountWorker } from './workers/account-worker.ts'
import { startCounting } from './workers/counting.ts'
import { startFactorResets } from './workers/factor-resets.ts'
import { startPendingCount } from './workers/pending-count.ts'

export interface AppOptions {
  readonly config: Config
  readonly parts: Parts
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

const sweepMs = 5_000
/** Of one caller at once: they share their round trips, so that many under way cost hardly more than few. */
const concurrency = 128

export async function startApp ({ config, parts, log, metrics, lifecycle }: AppOptions): Promise<void> {
  const { mongo, redis, leases, dispatcher, challenges, mailboxes, useCases } = parts
  const holder = newId('prc')
  let serving = false

  await startIndexes({ mongo, leases, indexes, holder, seconds: config.process.startSeconds, log, signal: lifecycle.signal })

  dispatcher.start(sweepMs)
  lifecycle.onStop('outbox', () => dispatcher.close())

  const pendingCount = startPendingCount({ pending: [challenges, mailboxes], leases, holder, metrics, log })
  lifecycle.onStop('pending count', () => pendingCount.close())

  const accountWorker = startAccountWorker({ wipeAccount: parts.wipeAccount, connection: jobConnection(config.redisUrl, 'otp-service'), log, metrics })
  lifecycle.onStop('deletions of accounts', () => accountWorker.close())

  const factorResets = startFactorResets({ applyFactorResets: parts.applyFactorResets, log })
  lifecycle.onStop('resets of factors', () => factorResets.close())

  const counting = startCounting({ countEnded: parts.countEnded, log })
  lifecycle.onStop('counts of ended challenges', () => counting.close())

  const clock = clockFrom(config.process.clockOffsetMs)
  const answers = async () => ({ database: await mongo.ping(), redis: await redis.ping().then(() => true, () => false) })
  const ops = await startOpsServer({
    ...config.ops,
    log,
    metrics,
    health: async () => {
      const { database, redis } = await answers()
      const healthy = database && redis
      const word = (connected: boolean) => connected ? 'connected' : 'disconnected'
      return { healthy, body: { status: healthy ? 'healthy' : 'unhealthy', environment: config.process.environment, database: word(database), redis: word(redis), timestamp: clock.now().toISOString() } }
    },
    ready: async () => {
      const { database, redis } = await answers()
      const reasons = [...serving ? [] : ['commands are not served'], ...database ? [] : ['MongoDB does not answer'], ...redis ? [] : ['Redis does not answer']]
      return { ready: reasons.length === 0, reasons }
    }
  })
  lifecycle.onStop('operations server', () => ops.close())

  const server = await startCommandServer({
    url: config.redisUrl, service: 'otp-service', log, metrics, concurrency, handlers: [...factorCommands(useCases), ...challengeCommands(useCases), ...stepUpCommands(useCases), ...smsCommands(useCases), ...passkeyCommands(useCases), ...earlierOtpCommands(useCases), ...mailboxCommands(useCases), ...walletCommands(useCases)]
  })
  serving = true
  lifecycle.onStop('commands', async () => {
    serving = false
    await server.close()
  })
  log.info({ ops: ops.url }, 'serving commands')
}
