/** Takes deletions of accounts from the gateway's queue. */
import { accountDeleteSigner } from '@countersign/contracts'
import { startWorker, type JobConnection, type JobWorker } from '@countersign/redis'
import type { Logger, Metrics } from '@countersign/runtime'
import type { EndAccount } from '../principals/end-account.ts'

export interface AccountWorkerOptions {
  readonly endAccount: EndAccount
  readonly connection: JobConnection
  readonly log: Logger
  readonly metrics: Metrics
}

export const startAccountWorker = ({ endAccount, connection, log, metrics }: AccountWorkerOptions): JobWorker => startWorker(accountDeleteSigner, {
  connection,
  log,
  metrics,
  handle: async (account, context) => {
    await endAccount(account)
    context.log.info({ userId: account.user_id, requestId: account.request_id }, 'account deletion done')
  }
})
