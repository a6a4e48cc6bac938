/** What the other services say when they have done their part of a deletion. */
import { accountDeletedOtp, accountDeletedSigner } from '@countersign/contracts'
import { startWorker, type JobConnection, type JobContext, type JobWorker } from '@countersign/redis'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Acknowledgement, FinishDeletion } from '../account/finish-deletion.ts'

export interface DeletionWorkersOptions {
  readonly finishDeletion: FinishDeletion
  readonly connection: JobConnection
  readonly log: Logger
  readonly metrics: Metrics
}

export function startDeletionWorkers ({ finishDeletion, ...io }: DeletionWorkersOptions): JobWorker {
  const finish = async (acknowledgement: Acknowledgement, { log }: JobContext): Promise<void> => {
    const { userId, requestId, by } = acknowledgement
    log.info({ userId, requestId, by, state: await finishDeletion(acknowledgement) }, 'account deletion acknowledged')
  }
  const workers = [
    startWorker(accountDeletedOtp, {
      ...io,
      handle: async ({ user_id: userId, deletion_id: deletionId, request_id: requestId, factors }, context) => {
        await finish({ userId, deletionId, requestId, by: 'otp-service', facts: { factors } }, context)
      }
    }),
    startWorker(accountDeletedSigner, {
      ...io,
      handle: async ({ user_id: userId, deletion_id: deletionId, request_id: requestId }, context) => { await finish({ userId, deletionId, requestId, by: 'signer-service' }, context) }
    })
  ]
  return { close: async () => { await Promise.all(workers.map((worker) => worker.close())) } }
}
