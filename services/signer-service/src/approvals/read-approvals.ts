/** What an approver is shown and signs, made anew from the row each time, and who has signed. */
import { approvalData, Problem, problems, type ApprovalsView, type SignableData, type TransactionIntent } from '@countersign/contracts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import { intentOf } from '../transactions/intent.ts'
import type { Transaction } from '../transactions/transaction.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { ApprovalRepository } from './approval-repository.ts'

export interface ReadApprovalsDeps {
  readonly transactions: Pick<TransactionRepository, 'find'>
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly approvals: Pick<ApprovalRepository, 'ofTransaction'>
  readonly digestOf: (intent: TransactionIntent) => string
  readonly deployment: string
}

/** The digest is that of the row's fields: a stored one proves nothing about them. */
export const dataToSign = ({ digestOf, deployment }: Pick<ReadApprovalsDeps, 'digestOf' | 'deployment'>, row: Transaction, decision: 'approve' | 'reject'): SignableData =>
  approvalData({ decision, deployment, transaction: row.id, text: row.text, digest: digestOf(intentOf(deployment, row)) })

export const createViewApprovals = ({ approvals, ...deps }: Pick<ReadApprovalsDeps, 'approvals' | 'digestOf' | 'deployment'>) => async (row: Transaction): Promise<ApprovalsView> => ({
  transaction_id: row.id,
  state: row.state,
  initiator: row.initiator,
  text: row.text,
  digest: row.digest,
  missing: row.state === 'awaiting_confirmation' ? [...row.missing] : [],
  wanted: (row.requirements?.approvals ?? []).map(({ least, of }) => ({ least, of: [...of] })),
  given: (await approvals.ofTransaction(row.id)).map(({ principalId, decision, key, digest, signature, createdAt }) => ({
    principal_id: principalId, decision, key, digest, signature, created_at: createdAt.toISOString()
  })),
  approve: dataToSign(deps, row, 'approve'),
  reject: dataToSign(deps, row, 'reject'),
  valid_until: row.validUntil.toISOString()
})

/** @throws Problem notFound, alike for what does not exist and what this user has no say in. */
export const createReadApprovals = (deps: ReadApprovalsDeps) => {
  const view = createViewApprovals(deps)
  return async (id: string, userId: string): Promise<ApprovalsView> => {
    const row = await deps.transactions.find(id)
    if (row === undefined) throw new Problem(problems.notFound)
    if (row.initiator !== userId) {
      const principal = await deps.principals.find(userId)
      if (principal?.may.includes('approve') !== true || !principal.wallets.includes(row.walletId)) throw new Problem(problems.notFound)
    }
    return await view(row)
  }
}
