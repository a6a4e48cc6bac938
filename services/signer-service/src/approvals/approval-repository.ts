import { exactly, inOneBatch, isDuplicateKey, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'

/** A principal's signed word on one transaction. Kept for good, and verifiable without this service: the digest is that of the typed data. */
export interface Approval {
  readonly txId: string
  readonly principalId: string
  readonly decision: 'approve' | 'reject'
  /** EIP-55, recovered from the signature. */
  readonly key: string
  /** EIP-712 digest of the typed data that was signed. */
  readonly digest: string
  readonly signature: string
  readonly createdAt: Date
}

type ApprovalRow = Approval & { readonly _id: string }

export const approvalIndexes: readonly IndexSpec[] = [
  { collection: 'approvals', name: 'by_transaction', key: { txId: 1, createdAt: 1 } }
]

export type ApprovalRepository = ReturnType<typeof createApprovalRepository>

export function createApprovalRepository (db: Db) {
  const approvals = db.collection<ApprovalRow>('approvals')

  return {
    /** In the order in which they came. */
    async ofTransaction (txId: string, unit?: Unit): Promise<Approval[]> {
      return (await approvals.find({ txId: exactly(txId) }, { sort: { createdAt: 1, _id: 1 }, ...unit && { session: unit.session }, ...inOneBatch }).toArray()).map(toApproval)
    },

    /** Of all of these, in one round trip. */
    async ofTransactions (txIds: readonly string[], unit: Unit): Promise<Approval[]> {
      return (await approvals.find({ txId: { $in: [...txIds] } }, { sort: { txId: 1, createdAt: 1, _id: 1 }, session: unit.session, ...inOneBatch }).toArray()).map(toApproval)
    },

    /** @returns false when this principal has said just this before. The unit is lost then: the caller must throw. */
    async add ({ txId, principalId, decision, ...rest }: Omit<Approval, 'createdAt'>, unit: Unit): Promise<boolean> {
      try {
        await insertStamped(approvals, `${txId}.${principalId}.${decision}`, { txId, principalId, decision, ...rest }, {}, unit.session)
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    }
  }
}

const toApproval = ({ _id: _row, ...rest }: ApprovalRow): Approval => rest
