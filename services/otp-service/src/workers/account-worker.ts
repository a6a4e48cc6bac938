/** Takes deletions of accounts from the gateway's queue. */
import { accountDeleteOtp } from '@countersign/contracts'
import { startWorker, type JobConnection, type JobWorker } from '@countersign/redis'
import type { Logger, Metrics } from '@countersign/runtime'
import type { WipeAccount } from '../factors/wipe-account.ts'

export interface AccountWorkerOptions {
  readonly wipeAccount: WipeAccount
  readonly connection: JobConnection
  readonly log: Logger
  readonly metrics: Metrics
}

export const startAccountWorker = ({ wipeAccount, connection, log, metrics }: AccountWorkerOptions): JobWorker => startWorker(accountDeleteOtp, {
  connection,
  log,
  metrics,
  handle: async (deletion, context) => {
    const factors = await wipeAccount(deletion)
    // Retained is what a gateway gets that deletes without a proof: an operator should know.
    context.log[factors === 'retained' ? 'warn' : 'info']({ factors: factors ?? 'acknowledged before', userId: deletion.user_id, requestId: deletion.request_id }, 'account deletion done')
  }
})
