/** Signatures of texts and typed data by KMS-held wallets, countersigned like transactions. */
import { Type } from 'typebox'
import { Cursor, FactorId, SignatureId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { serviceIntentHeader } from '../service-intents.ts'
import { permitOfAda, SignatureRequest, SignatureView } from '../signatures.ts'
import { TransactionChallenge, TransactionProofBody } from '../transaction-proofs.ts'
import { getApprovals, approveTransaction } from './approvals.ts'
import { ada } from './examples.ts'
import { postTransaction, readTransaction } from './transactions.ts'

const params = Type.Object({ id: SignatureId })
const shared = { tag: 'Signatures', caller: 'session', limit: 'general' } as const

export const postSignature = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/signatures',
  operationId: 'createSignature',
  summary: 'Ask for a signature of a KMS-held wallet: a text (EIP-191) or typed data (EIP-712)',
  description: `One of \`text\` and \`typed_data\`, never a digest. Permits (EIP-2612, DAI, Permit2) and authorizations (EIP-3009) count as spending by token, spender and amount. Needs an Idempotency-Key and takes \`${serviceIntentHeader}\`, as a transaction does.`,
  scope: 'transactions:write',
  headers: postTransaction.headers,
  body: SignatureRequest,
  status: 201,
  reply: SignatureView,
  problems: ['malformedRequest', 'idempotencyKeyRequired', 'unauthorized', 'proofRejected', 'insufficientScope', 'notPermitted', 'policyDenied', 'idempotencyConflict', 'factorRequired', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const readSignatures = defineRoute({
  ...shared,
  method: 'GET',
  path: '/api/v1/signatures',
  operationId: 'listSignatures',
  summary: 'Own signatures, newest first',
  scope: 'transactions:read',
  query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })), cursor: Type.Optional(Cursor) }, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(SignatureView), next_cursor: Type.Union([Cursor, Type.Null()]) }, { examples: [{ data: [permitOfAda], next_cursor: null }] }),
  problems: ['unauthorized', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const readSignature = defineRoute({
  ...shared,
  method: 'GET',
  path: '/api/v1/signatures/:id',
  operationId: 'readSignature',
  summary: 'One signature: state, what is signed, and the signature once it is given',
  description: readTransaction.description,
  scope: 'transactions:read',
  params,
  query: readTransaction.query,
  status: 200,
  reply: SignatureView,
  problems: ['unauthorized', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postSignatureConfirmation = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/signatures/:id/confirm',
  operationId: 'confirmSignature',
  summary: 'Confirm with a factor',
  description: 'As for a transaction. No text message confirms a signature: there is no room for what is signed.',
  params,
  body: TransactionProofBody,
  status: 200,
  reply: SignatureView,
  problems: ['malformedRequest', 'unauthorized', 'codeRejected', 'proofRejected', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

export const postSignatureChallenge = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/signatures/:id/challenge',
  operationId: 'challengeSignature',
  summary: 'Ask to confirm with a factor: sends its code, or gives what it signs',
  params,
  body: Type.Object({ factor_id: Type.Optional(FactorId) }, { additionalProperties: false, examples: [{ factor_id: ada.factorId }] }),
  status: 202,
  reply: TransactionChallenge,
  problems: ['malformedRequest', 'unauthorized', 'factorRequired', 'numberNotServed', 'notFound', 'stateConflict', 'schemaViolation', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const postSignatureCancellation = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/signatures/:id/cancel',
  operationId: 'cancelSignature',
  summary: 'Cancel, as long as nothing is signed',
  description: 'Idempotent: what is over already answers as it is, and what is signed is refused: it may have been given away, and nothing takes it back. Approvers cancel by `reject`.',
  scope: 'transactions:write',
  params,
  status: 200,
  reply: SignatureView,
  problems: ['unauthorized', 'insufficientScope', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const getSignatureApprovals = defineRoute({
  ...getApprovals, ...shared, params, path: '/api/v1/signatures/:id/approvals', operationId: 'readSignatureApprovals'
})

export const approveSignature = defineRoute({
  ...approveTransaction, ...shared, params, path: '/api/v1/signatures/:id/approve', operationId: 'approveSignature'
})

export const rejectSignature = defineRoute({
  ...approveTransaction, ...shared, params, path: '/api/v1/signatures/:id/reject', operationId: 'rejectSignature',
  summary: 'Reject with a signature of an approver key over `reject`: that ends it, as long as nothing is signed',
  description: 'Idempotent.'
})

export const signatureRoutes = Object.freeze([
  postSignature, readSignatures, readSignature, postSignatureConfirmation, postSignatureChallenge, postSignatureCancellation, getSignatureApprovals, approveSignature, rejectSignature
])
