/** Approvals by other principals. The gateway carries signatures; whose they are and what they count for, the signer decides. */
import { Type } from 'typebox'
import { ApprovalsView } from '../commands/approvals.ts'
import { approvalData, KeySignature } from '../policies.ts'
import { TransactionId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, treasuryTransfer } from './examples.ts'

const params = Type.Object({ id: TransactionId })
const signature = `0x${'5c'.repeat(64)}1b`
const text = `Send 0.25 ETH (250000000000000000 wei)\nTo: ${ada.payee}`
const signed = { deployment: 'production', transaction: ada.transactionId, text, digest: ada.digest }
const example = {
  transaction_id: ada.transactionId, state: 'awaiting_confirmation', initiator: ada.userId, text, digest: ada.digest, missing: ['approvals'],
  wanted: [{ least: 1, of: ['usr_01KJMBQDE0YX9JA2E2RWE7DPKC'] }], given: [],
  approve: approvalData({ ...signed, decision: 'approve' }), reject: approvalData({ ...signed, decision: 'reject' }), valid_until: treasuryTransfer.valid_until
} as const
const reply: typeof ApprovalsView = { ...ApprovalsView, examples: [example] } as never
const body = Type.Object({ signature: KeySignature }, { additionalProperties: false, examples: [{ signature }] })

export const getApprovals = defineRoute({
  method: 'GET',
  path: '/api/v1/transactions/:id/approvals',
  operationId: 'readApprovals',
  tag: 'Transactions',
  summary: 'What an approver signs, and who has signed',
  description: 'For the initiator and for principals that may approve for the wallet. `approve` and `reject` are typed data for `eth_signTypedData_v4`.',
  caller: 'session',
  limit: 'general',
  params,
  status: 200,
  reply,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

const giving = {
  method: 'POST', tag: 'Transactions', caller: 'session', limit: 'general', params, body, status: 200, reply,
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'notPermitted', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
} as const

export const approveTransaction = defineRoute({
  ...giving,
  path: '/api/v1/transactions/:id/approve',
  operationId: 'approveTransaction',
  summary: 'Approve with a signature of an approver key over `approve`',
  description: 'Idempotent. The initiator never approves its own, and one person counts once, by whatever keys.'
})

export const rejectTransaction = defineRoute({
  ...giving,
  path: '/api/v1/transactions/:id/reject',
  operationId: 'rejectTransaction',
  summary: 'Reject with a signature of an approver key over `reject`: that ends it'
})
