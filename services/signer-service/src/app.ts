/** What runs, in the order in which it starts; it stops in the reverse order. */
import { startOpsServer } from '@countersign/http'
import { startIndexes } from '@countersign/mongo'
import { jobConnection, startCommandServer } from '@countersign/redis'
import { clockFrom, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { policyCommands } from './commands/policy-commands.ts'
import { signatureCommands } from './commands/signature-commands.ts'
import { transactionCommands } from './commands/transaction-commands.ts'
import { walletCommands } from './commands/wallet-commands.ts'
import type { Parts } from './compose.ts'
import type { Config } from './config.ts'
import { indexes } from './indexes.ts'
import { startAccountWorker } from './workers/account-worker.ts'
import { startExpiryLoop } from './workers/expiry-loop.ts'
import { startIntervalLoop } from './workers/interval-loop.ts'
import { startLaneLoop } from './workers/lane-loop.ts'
import { startReceiptWorker } from './workers/receipt-worker.ts'

export interface AppOptions {
  readonly config: Config
  readonly parts: Parts
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

const sweepMs = 5_000
const expiryMs = 2_000
const delayMs = 1_000
const compareNodesMs = 30_000

/** @returns where the operations port listens. */
export async function startApp ({ config, parts, log, metrics, lifecycle }: AppOptions): Promise<{ readonly opsUrl: string }> {
  const { mongo, redis, leases, holder, dispatcher, acceptReceipt, useCases, lanes } = parts
  const seconds = config.process.startSeconds
  let serving = false

  await startIndexes({ mongo, leases, indexes, holder, seconds, log, signal: lifecycle.signal })
  await retryWithin({ label: 'the KMS (AWS_REGION, AWS_ENDPOINT_URL)', seconds, log, signal: lifecycle.signal }, () => parts.checkKeys())

  dispatcher.start(sweepMs)
  lifecycle.onStop('outbox', () => dispatcher.close())

  const expiryLoop = startExpiryLoop({ expireTransactions: parts.expireTransactions, intervalMs: expiryMs, log })
  lifecycle.onStop('expiry', () => expiryLoop.close())

  const delayLoop = startIntervalLoop({ round: async () => { await parts.endDelays() }, intervalMs: delayMs, failed: 'delays that ended could not be looked at: they wait', log })
  lifecycle.onStop('delays', () => delayLoop.close())
  const signLoop = startIntervalLoop({ round: parts.signApproved, intervalMs: delayMs, failed: 'approved signatures could not be looked at: they wait', log })
  lifecycle.onStop('signatures', () => signLoop.close())
  const windowLoop = startIntervalLoop({ round: async () => { await parts.releaseWindows() }, intervalMs: delayMs, failed: 'room in windows could not be given back: it waits', log })
  lifecycle.onStop('windows', () => windowLoop.close())

  if (parts.sealAudit === undefined) log.warn('AUDIT_KMS_KEY_ID is not set: audit rows are kept and not sealed')
  else {
    const sealLoop = startIntervalLoop({ round: parts.sealAudit, intervalMs: config.audit.sealIntervalMs, failed: 'audit rows could not be sealed: they wait', log })
    lifecycle.onStop('sealing', () => sealLoop.close())
  }

  const reconcileLoop = startIntervalLoop({ round: parts.reconcile, intervalMs: config.reconcileMs, failed: 'wallets could not be compared with their chains', log })
  lifecycle.onStop('reconciliation', () => reconcileLoop.close())

  const nodeLoop = startIntervalLoop({ round: parts.compareNodes, intervalMs: compareNodesMs, failed: 'nodes could not be compared with one another', log })
  lifecycle.onStop('nodes', () => nodeLoop.close())

  const laneLoop = startLaneLoop({ ...lanes, pollMs: config.lanes.pollMs, log })
  parts.onApproved(laneLoop.nudge)
  lifecycle.onStop('lanes', () => laneLoop.close())

  const receiptWorker = startReceiptWorker({ acceptReceipt, connection: jobConnection(config.redisUrl, 'signer-service'), log, metrics })
  lifecycle.onStop('receipts', () => receiptWorker.close())

  const accountWorker = startAccountWorker({ endAccount: parts.endAccount, connection: jobConnection(config.redisUrl, 'signer-service'), log, metrics })
  lifecycle.onStop('deletions of accounts', () => accountWorker.close())

  const clock = clockFrom(config.process.clockOffsetMs)
  const answers = async () => ({ database: await mongo.ping(), cache: await redis.ping().then(() => true, () => false) })
  const ops = await startOpsServer({
    ...config.ops,
    log,
    metrics,
    health: async () => {
      const { database, cache } = await answers()
      const word = (connected: boolean) => connected ? 'connected' : 'disconnected'
      return {
        healthy: database && cache,
        body: {
          status: database && cache ? 'healthy' : 'unhealthy', environment: config.process.environment, database: word(database), redis: word(cache), timestamp: clock.now().toISOString()
        }
      }
    },
    ready: async () => {
      const { database, cache } = await answers()
      const reasons = [...serving ? [] : ['commands are not served'], ...database ? [] : ['MongoDB does not answer'], ...cache ? [] : ['Redis does not answer']]
      return { ready: reasons.length === 0, reasons }
    }
  })
  lifecycle.onStop('operations server', () => ops.close())

  const server = await startCommandServer({ url: config.redisUrl, service: 'signer-service', log, metrics, onInvalid: parts.noteInvalidCommand, handlers: [...transactionCommands(useCases), ...signatureCommands(parts.signatureUseCases), ...walletCommands(parts.walletUseCases), ...policyCommands(parts.policyUseCases)] })
  serving = true
  lifecycle.onStop('commands', async () => {
    serving = false
    await server.close()
  })
  log.info({ ops: ops.url }, 'serving commands')
  return { opsUrl: ops.url }
}
