import { Type, type Static } from 'typebox'
import { treasuryTransfer } from './http/examples.ts'
import { Amount, ChainId, EvmAddress, Hash32, PolicyId, Timestamp, TransactionId, UserId, WalletId } from './primitives.ts'
import { GivenProofView, TransactionConfirmation } from './transaction-proofs.ts'
import { CallData, TransactionMetadata, TransactionSpeed } from './transaction-request.ts'

export const transactionStates = [
  'received', 'awaiting_confirmation', 'approved', 'assigned', 'signed', 'broadcast', 'mined', 'confirmed',
  'rejected', 'cancelled', 'expired', 'failed'
] as const
export type TransactionState = typeof transactionStates[number]

/**
 * The only moves there are; every update is a compare-and-set on it. A reorg moves `mined` back to `broadcast`.
 * `signed` and `broadcast` go back to `assigned`, with a new nonce, only when every hash stored for the transaction is proven dead; then,
 * too, one that was to be cancelled is. Otherwise `cancelled` is said before anything is signed, or of what was mined in its place.
 */
export const transactionMoves: Readonly<Record<TransactionState, readonly TransactionState[]>> = Object.freeze({
  received: ['awaiting_confirmation', 'approved', 'rejected'],
  awaiting_confirmation: ['approved', 'rejected', 'cancelled', 'expired'],
  approved: ['assigned', 'rejected', 'cancelled', 'expired'],
  assigned: ['signed', 'approved', 'cancelled'],
  signed: ['broadcast', 'mined', 'failed', 'cancelled', 'assigned'],
  broadcast: ['mined', 'failed', 'cancelled', 'assigned'],
  mined: ['confirmed', 'broadcast', 'failed', 'cancelled'],
  confirmed: [],
  rejected: [],
  cancelled: [],
  expired: [],
  failed: []
})

const State = Type.Union(transactionStates.map((state) => Type.Literal(state)) as never, { description: 'See ARCHITECTURE.md for the moves' })
export const TransactionStateSchema = Type.Unsafe<TransactionState>(State)

/** By what lists of them are narrowed. */
export const transactionFilter = {
  state: Type.Optional(TransactionStateSchema),
  wallet_id: Type.Optional(WalletId),
  chain_id: Type.Optional(ChainId),
  destination: Type.Optional(EvmAddress),
  since: Type.Optional(Timestamp),
  until: Type.Optional(Timestamp)
} as const

export const AttemptView = Type.Object({
  kind: Type.Union([Type.Literal('first'), Type.Literal('replacement'), Type.Literal('noop')], { description: 'noop: a transfer of nothing to the wallet itself, which takes the nonce' }),
  because: Type.Optional(Type.Union([Type.Literal('refused'), Type.Literal('fees'), Type.Literal('cancel')], { description: 'Of a noop: no node took the payload, its fees were too low, or somebody cancelled' })),
  state: Type.Union([Type.Literal('stored'), Type.Literal('sent'), Type.Literal('mined'), Type.Literal('replaced'), Type.Literal('dead')]),
  nonce: Type.Integer({ minimum: 0 }),
  hash: Hash32,
  explorer_url: Type.Optional(Type.String({ description: 'Of the chain\'s configured explorer' })),
  max_fee_per_gas: Amount,
  max_priority_fee_per_gas: Amount,
  created_at: Timestamp
})

export const transactionKinds = ['native', 'token', 'call', 'batch'] as const
export type TransactionKind = typeof transactionKinds[number]

export const CallView = Type.Object({
  to: EvmAddress,
  value: Amount,
  selector: Type.Optional(Type.String({ description: 'First four bytes of the data' })),
  movement: Type.Optional(Type.Object({
    kind: Type.Union([Type.Literal('transfer'), Type.Literal('allow')]), token: EvmAddress, destination: EvmAddress, amount: Amount
  }, { description: 'What it does to the wallet\'s tokens' }))
})

export const TransactionView = Type.Object({
  id: TransactionId,
  state: TransactionStateSchema,
  initiator: UserId,
  wallet_id: WalletId,
  chain_id: ChainId,
  from: EvmAddress,
  kind: Type.Unsafe<TransactionKind>(Type.Union(transactionKinds.map((kind) => Type.Literal(kind)) as never)),
  to: EvmAddress,
  value: Amount,
  data: Type.Optional(CallData),
  calls: Type.Array(CallView, { description: 'What it does: one call, or the parts of a batch' }),
  max_fee_total: Amount,
  speed: Type.Unsafe<TransactionSpeed>(TransactionSpeed),
  priority: Type.Integer(),
  metadata: TransactionMetadata,
  policy: Type.Object({ id: PolicyId, version: Type.Integer(), rule: Type.String() }),
  digest: Hash32,
  confirmation: Type.Optional(TransactionConfirmation),
  missing: Type.Optional(Type.Array(Type.String(), { description: 'What it waits for: proof, approvals, delay' })),
  proof: Type.Optional(GivenProofView),
  cancellation: Type.Optional(Type.Object({ asked_by: Type.String({ description: 'A user, or operator' }), asked_at: Timestamp }, { description: 'Somebody wants it cancelled. What came of that is the state, once something is mined' })),
  attempts: Type.Array(AttemptView),
  hash: Type.Optional(Hash32),
  block_number: Type.Optional(Type.Integer()),
  block_hash: Type.Optional(Hash32),
  confirmations: Type.Optional(Type.Integer()),
  fee_paid: Type.Optional(Amount),
  gas_used: Type.Optional(Amount),
  outcome: Type.Optional(Type.String({ description: 'Of what was mined at its nonce: succeeded; reverted; unmoved (its token logged nothing); displaced, outbid or cancelled: a transfer of nothing took its place' })),
  failure: Type.Optional(Type.Object({
    code: Type.String(),
    detail: Type.String(),
    revert: Type.Optional(Type.Object({
      data: Type.String({ description: 'What the contract gave as its reason, hex; cut after 512 bytes' }),
      error: Type.Optional(Type.String({ description: 'Signature of the error: `Error(string)`, `Panic(uint256)`, one of ERC-20\'s (ERC-6093), or one that the request\'s `abi` names' })),
      args: Type.Optional(Type.Array(Type.String()))
    }))
  })),
  history: Type.Array(Type.Object({ state: TransactionStateSchema, at: Timestamp })),
  created_at: Timestamp,
  updated_at: Timestamp,
  valid_until: Timestamp
}, { examples: [treasuryTransfer] })
export type TransactionView = Static<typeof TransactionView>
