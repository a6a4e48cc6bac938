/** What an approver is shown and signs, made anew from the row each time, and who has signed. */
import { approvalData, Problem, problems, type ApprovalsView, type SignableData } from '@countersign/contracts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { Countersigned, Transaction } from '../transactions/transaction.ts'
import type { ApprovalRepository } from './approval-repository.ts'

export interface ReadApprovalsDeps<Row extends Countersigned = Transaction> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'find'>
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly approvals: Pick<ApprovalRepository, 'ofTransaction'>
  /** Made anew from the row's fields: a stored one proves nothing about them. */
  readonly digestOf: (row: Row) => string
  readonly deployment: string
}

export const dataToSign = <Row extends Countersigned>({ digestOf, deployment }: Pick<ReadApprovalsDeps<Row>, 'digestOf' | 'deployment'>, row: Row, decision: 'approve' | 'reject'): SignableData =>
  approvalData({ decision, deployment, transaction: row.id, text: row.text, digest: digestOf(row) })

export const createViewApprovals = <Row extends Countersigned>({ approvals, ...deps }: Pick<ReadApprovalsDeps<Row>, 'approvals' | 'digestOf' | 'deployment'>) => async (row: Row): Promise<ApprovalsView> => ({
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
export const createReadApprovals = <Row extends Countersigned>(deps: ReadApprovalsDeps<Row>) => {
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
