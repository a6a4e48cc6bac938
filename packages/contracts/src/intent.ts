import { Type, type Static } from 'typebox'
import { Amount, ChainId, EvmAddress, Hash32, TransactionId, UserId } from './primitives.ts'

/**
 * What a second factor confirms, as EIP-712 typed data. Nonce and gas fees are left out: they change while a
 * transaction waits, and `max_fee_total` caps what they may cost.
 */
export const TransactionIntent = Type.Object({
  deployment: Type.String({ minLength: 1, maxLength: 64, description: 'DEPLOYMENT_ID, so that staging confirms nothing in production' }),
  tx_id: TransactionId,
  initiator: UserId,
  wallet: EvmAddress,
  chain_id: ChainId,
  to: EvmAddress,
  value: Amount,
  data_hash: Hash32,
  max_fee_total: Amount,
  valid_until: Type.Integer({ minimum: 0, description: 'Seconds since the epoch' }),
  policy_version: Type.Integer({ minimum: 1 })
}, { additionalProperties: false })
export type TransactionIntent = Static<typeof TransactionIntent>

/** EIP-712 domain. The chain is a field of the message: one deployment serves many chains. */
export const intentDomain = { name: 'Countersign', version: '1' } as const

/** EIP-712 types, in the order of encodeType. */
export const intentTypes = {
  TransactionIntent: [
    { name: 'deployment', type: 'string' },
    { name: 'tx_id', type: 'string' },
    { name: 'initiator', type: 'string' },
    { name: 'wallet', type: 'address' },
    { name: 'chain_id', type: 'uint256' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'data_hash', type: 'bytes32' },
    { name: 'max_fee_total', type: 'uint256' },
    { name: 'valid_until', type: 'uint256' },
    { name: 'policy_version', type: 'uint256' }
  ]
} as const
