import { Type } from 'typebox'
import { Cursor, FactorId, TransactionId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, treasuryTransfer } from './examples.ts'
import { serviceIntentHeader, serviceIntentType } from '../service-intents.ts'
import { TransactionChallenge, TransactionProofBody } from '../transaction-proofs.ts'
import { transactionFilter, TransactionView } from '../transactions.ts'
import { TransactionRequest } from '../transaction-request.ts'

const params = Type.Object({ id: TransactionId })

export const postTransaction = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions',
  operationId: 'createTransaction',
  tag: 'Transactions',
  summary: 'Ask for a transaction of a KMS-held wallet: coins, a token, a contract call or a batch',
  description: 'One of `to, value`; `token, to, amount` (ERC-20); `to, data` or `to, abi, args`, with `value` where coins go along; `calls`, a batch of these through Multicall3. Needs an Idempotency-Key: the same key and body answer what was answered first (header Idempotency-Replayed: true), the same key with another body is 409. A program asks with an API key; `Transaction-Intent` carries its own signature of the request, which counts as a proof. Without it a key may do what the policy allows without any.',
  caller: 'session',
  scope: 'transactions:write',
  limit: 'general',
  headers: Type.Object({
    'idempotency-key': Type.Optional(Type.String({ description: 'Required: 1 to 128 of A-Z a-z 0-9 _ . : -' })),
    [serviceIntentHeader]: Type.Optional(Type.String({ maxLength: 4_096, description: `Of a program: compact JWS, EdDSA or ES256 by its granted key, typ ${serviceIntentType}, over iss, aud, jti, iat, exp, idempotency_key and request_sha256 (of the body as RFC 8785 writes it)` }))
  }),
  body: TransactionRequest,
  status: 201,
  reply: TransactionView,
  problems: ['malformedRequest', 'idempotencyKeyRequired', 'unauthorized', 'proofRejected', 'insufficientScope', 'notPermitted', 'policyDenied', 'idempotencyConflict', 'factorRequired', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const readTransactions = defineRoute({
  method: 'GET',
  path: '/api/v1/transactions',
  operationId: 'listTransactions',
  tag: 'Transactions',
  summary: 'Own transactions, newest first',
  description: 'Filters narrow together. `destination` is any account or contract that the transaction names: its receiver, the token or contract that it calls, what is inside a batch. `since` is included, `until` is not; both are of `created_at`. A cursor goes on with the filters that it was given for.',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Cursor),
    ...transactionFilter
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
  description: 'With `wait`, the answer comes with its next move (its `history` grows by one), or as it is after so many seconds. What is over is answered at once. With `seen`, the length of the `history` that the caller has, nothing that happened between two requests is missed.',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  params,
  query: Type.Object({
    wait: Type.Optional(Type.Integer({ minimum: 0, maximum: 30, description: 'Seconds' })),
    seen: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 }))
  }, { additionalProperties: false }),
  status: 200,
  reply: TransactionView,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postConfirmation = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/confirm',
  operationId: 'confirmTransaction',
  tag: 'Transactions',
  summary: 'Confirm with a factor',
  description: 'One of: `code` (of a mail or a text message; with `factor_id` also of an app or a list of recovery codes), `factor_id` and `signature` (a wallet), `credential` (a passkey). `confirmation.factors` of the transaction says which may. Idempotent by state: once confirmed, it answers with the transaction as it is.',
  caller: 'session',
  limit: 'general',
  params,
  body: TransactionProofBody,
  status: 200,
  reply: TransactionView,
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'proofRejected', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const postChallenge = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/challenge',
  operationId: 'challengeTransaction',
  tag: 'Transactions',
  summary: 'Ask to confirm with a factor: sends its code, or gives what it signs',
  description: 'Without `factor_id` a new code goes to where the last one went. A mail, a text message and a wallet show the action; what a wallet signs is in `sign`, what a passkey signs in `options`. A new code replaces the one before; the attempts stay what they are.',
  caller: 'session',
  limit: 'general',
  params,
  body: Type.Object({ factor_id: Type.Optional(FactorId) }, { additionalProperties: false, examples: [{ factor_id: ada.factorId }] }),
  status: 202,
  reply: TransactionChallenge,
  problems: ['malformedRequest', 'unauthorized', 'factorRequired', 'numberNotServed', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})
