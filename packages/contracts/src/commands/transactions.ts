import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { CallerHandle, Cursor, FactorId, IdempotencyKey, SessionId, TransactionId, UserId } from '../primitives.ts'
import { TransactionChallenge, TransactionProof } from '../transaction-proofs.ts'
import { transactionFilter, TransactionView } from '../transactions.ts'
import { TransactionRequest } from '../transaction-request.ts'

/** What the gateway says of who is asking. A claim: the signer believes receipts and principals, not this. */
const claim = { user_id: UserId, session_id: SessionId }
/** An API key may read, and ask; it confirms nothing. */
const readerClaim = { user_id: UserId, session_id: CallerHandle }

export const createTransaction = defineCommand({
  name: 'transactions.create',
  summary: 'Ask for a transaction; admitted once per (user, idempotency key)',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 8_000,
  request: Type.Object({
    ...readerClaim, idempotency_key: IdempotencyKey, transfer: TransactionRequest,
    intent: Type.Optional(Type.String({ maxLength: 4_096, description: 'Of a service principal: compact JWS over just this, see ServiceIntentClaims' }))
  }, { additionalProperties: false }),
  reply: Type.Object({ transaction: TransactionView, replayed: Type.Boolean() }, { additionalProperties: false })
})

export const getTransaction = defineCommand({
  name: 'transactions.get',
  summary: 'One transaction of this user',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ ...readerClaim, id: TransactionId }, { additionalProperties: false }),
  reply: TransactionView
})

export const listTransactions = defineCommand({
  name: 'transactions.list',
  summary: 'The transactions of this user, newest first',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    ...readerClaim,
    limit: Type.Integer({ minimum: 1, maximum: 100 }),
    cursor: Type.Optional(Cursor),
    ...transactionFilter
  }, { additionalProperties: false }),
  reply: Type.Object({ data: Type.Array(TransactionView), next_cursor: Type.Union([Cursor, Type.Null()]) }, { additionalProperties: false })
})

/** A second confirm of a transaction that has moved on answers with its state: idempotent, and signs nothing. */
export const confirmTransaction = defineCommand({
  name: 'transactions.confirm',
  summary: 'Answer the challenge of a transaction with a factor',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 10_000,
  request: Type.Object({ ...claim, id: TransactionId, proof: TransactionProof }, { additionalProperties: false }),
  reply: TransactionView
})

export const challengeTransaction = defineCommand({
  name: 'transactions.challenge',
  summary: 'Send a new code for a transaction that waits for confirmation, or give what the chosen factor signs',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 8_000,
  request: Type.Object({ ...claim, id: TransactionId, factor_id: Type.Optional(FactorId) }, { additionalProperties: false }),
  reply: TransactionChallenge
})
