import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { AuditCheckpoint, KmsWalletView, WalletEvent } from '../kms-wallets.ts'
import { CallerHandle, Cursor, SessionId, UserId, WalletId } from '../primitives.ts'

/** Balances are public on their chains; what the gateway may widen here is whose names of wallets are shown. */
const readerClaim = { user_id: UserId, session_id: CallerHandle, operator: Type.Boolean({ description: 'Holds that role at the gateway: reads all wallets instead of the granted ones' }) }
const page = { limit: Type.Integer({ minimum: 1, maximum: 100 }), cursor: Type.Optional(Cursor) }
const closed = { additionalProperties: false } as const

export const listWallets = defineCommand({
  name: 'wallets.list',
  summary: 'Wallets with their balances',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 6_000,
  request: Type.Object({ ...readerClaim, ...page }, closed),
  reply: Type.Object({ data: Type.Array(KmsWalletView), next_cursor: Type.Union([Cursor, Type.Null()]) }, closed)
})

export const getWallet = defineCommand({
  name: 'wallets.get',
  summary: 'One wallet with its balances',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 6_000,
  request: Type.Object({ ...readerClaim, id: WalletId }, closed),
  reply: KmsWalletView
})

/** The gateway's word is enough to take a wallet out of use, never to put one into it. */
export const disableWallet = defineCommand({
  name: 'wallets.disable',
  summary: 'Take nothing new from a wallet',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 6_000,
  request: Type.Object({ user_id: UserId, session_id: SessionId, id: WalletId }, closed),
  reply: KmsWalletView
})

export const readWalletAudit = defineCommand({
  name: 'audit.wallet',
  summary: 'What happened to a wallet and its transactions, newest first',
  callee: 'signer-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ id: WalletId, ...page }, closed),
  reply: Type.Object({ data: Type.Array(WalletEvent), checkpoint: Type.Union([AuditCheckpoint, Type.Null()]), next_cursor: Type.Union([Cursor, Type.Null()]) }, closed)
})
