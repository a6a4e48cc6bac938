/** Wallets of the KMS. They are made on the command line alone, under the operator's own identity. */
import { Type } from 'typebox'
import { AuditCheckpoint, KmsWalletView, kmsWalletExample, WalletEvent } from '../kms-wallets.ts'
import { Cursor, WalletId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada } from './examples.ts'

const params = Type.Object({ id: WalletId })
const page = { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })), cursor: Type.Optional(Cursor) }

export const readWallets = defineRoute({
  method: 'GET',
  path: '/api/v1/wallets',
  operationId: 'listWallets',
  tag: 'Wallets',
  summary: 'Wallets that this user may use, or all for an operator: address, state, balances per chain and token',
  description: 'A balance that a node does not tell in time is null, with the reason beside it.',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  query: Type.Object(page, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(KmsWalletView), next_cursor: Type.Union([Cursor, Type.Null()]) }, { examples: [{ data: [kmsWalletExample], next_cursor: null }] }),
  problems: ['unauthorized', 'insufficientScope', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const readWallet = defineRoute({
  method: 'GET',
  path: '/api/v1/wallets/:id',
  operationId: 'readWallet',
  tag: 'Wallets',
  summary: 'One wallet: address, state, balances per chain and token',
  caller: 'session',
  scope: 'transactions:read',
  limit: 'general',
  params,
  status: 200,
  reply: KmsWalletView,
  problems: ['unauthorized', 'insufficientScope', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postWalletDisable = defineRoute({
  method: 'POST',
  path: '/api/v1/wallets/:id/disable',
  operationId: 'disableWallet',
  tag: 'Wallets',
  summary: 'Take nothing new from a wallet, at once',
  description: 'What has a nonce goes through; what waits is rejected. Used again it is only by the command line: countersign wallets enable.',
  caller: 'session',
  role: 'operator',
  fresh: true,
  stepUp: { action: 'wallets.disable', resource: ['params.id'] },
  limit: 'general',
  params,
  status: 200,
  reply: KmsWalletView,
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'roleRequired', 'notFound', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const readWalletEvents = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/wallets/:id',
  operationId: 'readWalletAudit',
  tag: 'Operations',
  summary: 'What happened to a wallet and its transactions, newest first, and the newest signed checkpoint over it',
  description: 'The whole chain, to be checked offline, is printed by: countersign audit export.',
  caller: 'session',
  role: 'operator',
  scope: 'audit:read',
  limit: 'general',
  params,
  query: Type.Object(page, { additionalProperties: false }),
  status: 200,
  reply: Type.Object({ data: Type.Array(WalletEvent), checkpoint: Type.Union([AuditCheckpoint, Type.Null()]), next_cursor: Type.Union([Cursor, Type.Null()]) }, {
    examples: [{
      data: [{
        id: 'aud_01KGC3EG00Q5HS41TJ11YKNEMJ', event: 'transaction.signed', subject: ada.transactionId, actor: null, request_id: 'req-7f3a', facts: { hash: ada.digest, nonce: 7 }, recorded_at: ada.signedInAt, sealed: true
      }],
      checkpoint: { sequence: 42, hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', sealed_at: ada.signedInAt, signature: `0x${'5a'.repeat(64)}` },
      next_cursor: null
    }]
  }),
  problems: ['unauthorized', 'roleRequired', 'insufficientScope', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const kmsWalletRoutes = Object.freeze([readWallets, readWallet, postWalletDisable, readWalletEvents])
