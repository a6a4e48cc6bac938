/** The intent of a row, always made anew from its fields: a stored digest proves nothing about them. */
import type { TransactionIntent } from '@countersign/contracts'
import { dataHash } from '../chain/intent-digest.ts'
import type { Transaction } from './transaction.ts'

export type IntentFields = Pick<Transaction, 'id' | 'initiator' | 'from' | 'chainId' | 'to' | 'value' | 'data' | 'maxFeeTotal' | 'validUntil'> & {
  readonly policy: Pick<Transaction['policy'], 'version'>
}

export const intentOf = (deployment: string, transaction: IntentFields): TransactionIntent => ({
  deployment,
  tx_id: transaction.id,
  initiator: transaction.initiator,
  wallet: transaction.from,
  chain_id: transaction.chainId,
  to: transaction.to,
  value: transaction.value,
  // Of the bytes that are signed: the stored hash proves nothing about them either.
  data_hash: dataHash(transaction.data),
  max_fee_total: transaction.maxFeeTotal,
  // Stamped in whole seconds.
  valid_until: Math.floor(transaction.validUntil.getTime() / 1_000),
  policy_version: transaction.policy.version
})
