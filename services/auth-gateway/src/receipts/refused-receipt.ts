import { Problem, problems } from '@countersign/contracts'
import { ReceiptRefused } from '@countersign/secrets'

/** For `catch` of a receipt's check: strangers learn no more of a receipt that was refused than of a wrong code. @throws Problem codeRejected, or what it was given */
export function refusedReceipt (error: unknown): never {
  throw error instanceof ReceiptRefused ? new Problem(problems.codeRejected) : error
}
