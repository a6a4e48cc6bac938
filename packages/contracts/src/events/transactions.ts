/** What others are told of a transaction's moves: thin, and read anew by whoever wants to know more. */
import { Type, type Static } from 'typebox'
import { ChainId, Hash32, Timestamp, TransactionId, UserId, WalletId } from '../primitives.ts'
import { TransactionStateSchema, type TransactionState } from '../transactions.ts'

export const transactionEventNames = ['accepted', 'waiting', 'approved', 'sent', 'mined', 'confirmed', 'reorged', 'failed', 'rejected', 'cancelled', 'expired'] as const
export type TransactionEventName = typeof transactionEventNames[number]

export const EventId = Type.String({ pattern: '^evt_[0-9A-HJKMNP-TV-Z]{26}$', maxLength: 30 })

export const TransactionEvent = Type.Object({
  id: EventId,
  type: Type.Union(transactionEventNames.map((name) => Type.Literal(`transaction.${name}`)) as never),
  created_at: Timestamp,
  data: Type.Object({
    transaction_id: TransactionId,
    state: TransactionStateSchema,
    initiator: UserId,
    wallet_id: WalletId,
    chain_id: ChainId,
    hash: Type.Optional(Hash32)
  }, { additionalProperties: false })
}, { additionalProperties: false })
export type TransactionEvent = Omit<Static<typeof TransactionEvent>, 'type'> & { readonly type: `transaction.${TransactionEventName}` }

/** @returns in their order; none for what concerns nobody outside, such as a nonce that is given. */
export function transactionEventsOf (from: TransactionState, to: TransactionState): readonly TransactionEventName[] {
  if (from === 'received') return ['accepted', ...transactionEventsOf('awaiting_confirmation', to)]
  switch (to) {
    case 'awaiting_confirmation': return ['waiting']
    // A nonce that is given back approves nothing anew.
    case 'approved': return from === 'awaiting_confirmation' ? ['approved'] : []
    case 'broadcast': return [from === 'mined' ? 'reorged' : 'sent']
    case 'received': case 'assigned': case 'signed': return []
    case 'mined': case 'confirmed': case 'failed': case 'rejected': case 'cancelled': case 'expired': return [to]
  }
}
