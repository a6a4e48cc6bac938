import { Type } from 'typebox'
import { Code, Cursor, TransactionId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, treasuryTransfer } from './examples.ts'
import { TransactionChallenge, TransactionStateSchema, TransactionView, TransferRequest } from '../transactions.ts'

const params = Type.Object({ id: TransactionId })

export const postTransaction = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions',
  operationId: 'createTransaction',
  tag: 'Transactions',
  summary: 'Ask for a native transfer out of a KMS-held wallet',
  description: 'Needs an Idempotency-Key: the same key and body answer what was answered first (header Idempotency-Replayed: true), the same key with another body is 409.',
  caller: 'session',
  limit: 'general',
  headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ description: 'Required: 1 to 128 of A-Z a-z 0-9 _ . : -' })) }),
  body: TransferRequest,
  status: 201,
  reply: TransactionView,
  problems: ['malformedRequest', 'idempotencyKeyRequired', 'unauthorized', 'notPermitted', 'policyDenied', 'idempotencyConflict', 'factorRequired', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const readTransactions = defineRoute({
  method: 'GET',
  path: '/api/v1/transactions',
  operationId: 'listTransactions',
  tag: 'Transactions',
  summary: 'Own transactions, newest first',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Cursor),
    state: Type.Optional(TransactionStateSchema)
  }, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(TransactionView), next_cursor: Type.Union([Cursor, Type.Null()]) }, { examples: [{ data: [treasuryTransfer], next_cursor: null }] }),
  problems: ['unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const readTransaction = defineRoute({
  method: 'GET',
  path: '/api/v1/transactions/:id',
  operationId: 'readTransaction',
  tag: 'Transactions',
  summary: 'One transaction: state, attempts with hashes, block, history',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  params,
  status: 200,
  reply: TransactionView,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postConfirmation = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/confirm',
  operationId: 'confirmTransaction',
  tag: 'Transactions',
  summary: 'Confirm with the code from the mail',
  description: 'Idempotent by state: once confirmed, it answers with the transaction as it is.',
  caller: 'session',
  limit: 'general',
  params,
  body: Type.Object({ code: Code }, { additionalProperties: false, examples: [{ code: ada.code }] }),
  status: 200,
  reply: TransactionView,
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const postChallenge = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/challenge',
  operationId: 'challengeTransaction',
  tag: 'Transactions',
  summary: 'Send a new code; the attempts stay what they are',
  caller: 'session',
  limit: 'general',
  params,
  status: 202,
  reply: TransactionChallenge,
  problems: ['unauthorized', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})
