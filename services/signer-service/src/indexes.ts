import { stores } from '@countersign/contracts'
import { outboxIndexes, type IndexSpec } from '@countersign/mongo'
import { approvalIndexes } from './approvals/approval-repository.ts'
import { attemptIndexes } from './attempts/attempt-repository.ts'
import { policyIndexes } from './policies/policy-repository.ts'
import { windowIndexes } from './policies/window-repository.ts'
import { reconciliationIndexes } from './reconciliation/reconciliation-repository.ts'
import { consumedReceiptIndexes } from './receipts/consumed-receipt-repository.ts'
import { signatureIndexes } from './signatures/signature-repository.ts'
import { eventIndexes } from './transactions/tell-moves.ts'
import { transactionIndexes } from './transactions/transaction-repository.ts'
import { walletIndexes } from './wallets/wallet-repository.ts'

/** Every index of this service's database. Uniqueness is what holds exactly-once together. */
export const indexes: readonly IndexSpec[] = [
  ...walletIndexes, ...policyIndexes, ...windowIndexes, ...approvalIndexes, ...transactionIndexes, ...eventIndexes, ...signatureIndexes, ...attemptIndexes, ...consumedReceiptIndexes, ...reconciliationIndexes, ...outboxIndexes, ...stores['signer-service'].insertOnlyIndexes
]
