import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { CallerHandle, Cursor, FactorId, IdempotencyKey, SessionId, SignatureId, UserId } from '../primitives.ts'
import { SignatureRequest, SignatureView } from '../signatures.ts'
import { TransactionChallenge, TransactionProof } from '../transaction-proofs.ts'

const served = { callee: 'signer-service', callers: ['auth-gateway'] } as const
/** What the gateway says of who is asking. A claim: the signer believes receipts and principals, not this. */
const claim = { user_id: UserId, session_id: SessionId }
/** An API key may read, and ask; it confirms nothing. */
const readerClaim = { user_id: UserId, session_id: CallerHandle }

export const createSignature = defineCommand({
  ...served,
  name: 'signatures.create',
  summary: 'Ask for a signature of a text or of typed data; admitted once per (user, idempotency key)',
  deadlineMs: 8_000,
  request: Type.Object({
    ...readerClaim, idempotency_key: IdempotencyKey, message: SignatureRequest,
    intent: Type.Optional(Type.String({ maxLength: 4_096, description: 'Of a service principal: compact JWS over just this, see ServiceIntentClaims' }))
  }, { additionalProperties: false }),
  reply: Type.Object({ signature: SignatureView, replayed: Type.Boolean() }, { additionalProperties: false })
})

export const getSignature = defineCommand({
  ...served,
  name: 'signatures.get',
  summary: 'One signature of this user',
  deadlineMs: 3_000,
  request: Type.Object({ ...readerClaim, id: SignatureId }, { additionalProperties: false }),
  reply: SignatureView
})

export const listSignatures = defineCommand({
  ...served,
  name: 'signatures.list',
  summary: 'The signatures of this user, newest first',
  deadlineMs: 3_000,
  request: Type.Object({ ...readerClaim, limit: Type.Integer({ minimum: 1, maximum: 100 }), cursor: Type.Optional(Cursor) }, { additionalProperties: false }),
  reply: Type.Object({ data: Type.Array(SignatureView), next_cursor: Type.Union([Cursor, Type.Null()]) }, { additionalProperties: false })
})

/** Idempotent by state, like that of a transaction. */
export const confirmSignature = defineCommand({
  ...served,
  name: 'signatures.confirm',
  summary: 'Answer the challenge of a signature with a factor',
  deadlineMs: 10_000,
  request: Type.Object({ ...claim, id: SignatureId, proof: TransactionProof }, { additionalProperties: false }),
  reply: SignatureView
})

export const challengeSignature = defineCommand({
  ...served,
  name: 'signatures.challenge',
  summary: 'Send a new code for a signature that waits for confirmation, or give what the chosen factor signs',
  deadlineMs: 8_000,
  request: Type.Object({ ...claim, id: SignatureId, factor_id: Type.Optional(FactorId) }, { additionalProperties: false }),
  reply: TransactionChallenge
})

export const cancelSignature = defineCommand({
  ...served,
  name: 'signatures.cancel',
  summary: 'Cancel a signature of this user that is not given yet',
  deadlineMs: 8_000,
  request: Type.Object({ ...readerClaim, id: SignatureId }, { additionalProperties: false }),
  reply: SignatureView
})
