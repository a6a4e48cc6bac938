/** Who approved transactions and still may. Asked anew each time: who was revoked, or lost the key, has approved nothing. */
import type { Principal } from '../principals/principal.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Transaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { ApprovalRepository } from './approval-repository.ts'

export interface FindApproversDeps {
  readonly approvals: Pick<ApprovalRepository, 'ofTransactions'>
  readonly principals: Pick<PrincipalRepository, 'find'>
}

/** @returns by the id of the transaction; nothing for one that nobody approved. */
export type FindApprovers = (unit: Unit, rows: readonly Pick<Transaction, 'id' | 'walletId'>[]) => Promise<ReadonlyMap<string, readonly Principal[]>>

export const createFindApprovers = ({ approvals, principals }: FindApproversDeps): FindApprovers => async (unit, rows) => {
  const found = new Map<string, Principal[]>()
  if (rows.length === 0) return found
  const walletIds = new Map(rows.map(({ id, walletId }) => [id, walletId]))
  for (const { txId, decision, principalId, key } of await approvals.ofTransactions([...walletIds.keys()], unit)) {
    const principal = decision === 'approve' ? await principals.find(principalId, unit) : undefined
    if (principal?.may.includes('approve') === true && principal.approverKeys.includes(key) && principal.wallets.includes(walletIds.get(txId) ?? '')) {
      found.set(txId, [...found.get(txId) ?? [], principal])
    }
  }
  return found
}
