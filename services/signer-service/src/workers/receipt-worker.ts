/** Takes receipts from their queue, in case the reply to the command was lost. What is refused is settled: it is not tried again. */
import { receiptForSigner } from '@countersign/contracts'
import { startWorker, type JobConnection, type JobWorker } from '@countersign/redis'
import type { Logger, Metrics } from '@countersign/runtime'
import type { AcceptReceipt } from '../receipts/accept-receipt.ts'

export interface ReceiptWorkerOptions {
  readonly acceptReceipt: AcceptReceipt
  readonly connection: JobConnection
  readonly log: Logger
  readonly metrics: Metrics
}

export const startReceiptWorker = ({ acceptReceipt, connection, log, metrics }: ReceiptWorkerOptions): JobWorker => startWorker(receiptForSigner, {
  connection,
  // Judging takes milliseconds; the receipt of a process that died should not lie for half a minute.
  lockMs: 10_000,
  log,
  metrics,
  handle: async ({ receipt, receipt_id: claimedId, request_id: requestId }, context) => {
    const outcome = await acceptReceipt(receipt, { requestId, via: 'job', claimedId })
    context.log.info({ outcome, requestId }, 'receipt judged')
  }
})
