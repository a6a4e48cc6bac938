/** A key in the KMS that holds money, as the API shows it. */
import { Type, type Static } from 'typebox'
import { ada } from './http/examples.ts'
import { Amount, ChainId, EvmAddress, Timestamp, WalletId } from './primitives.ts'

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

export const walletStates = ['active', 'disabled', 'retired'] as const
export const KmsWalletState = Type.Unsafe<typeof walletStates[number]>({ type: 'string', enum: [...walletStates], description: 'Only an active one takes new transactions; a retired one never will again' })

export const walletRoles = ['operations', 'treasury'] as const
export type WalletRole = typeof walletRoles[number]
export const WalletRoleSchema = Type.Unsafe<WalletRole>({ type: 'string', enum: [...walletRoles], description: 'What it is for: daily payments, or the reserve that fills the others' })

export const ChainBalances = Type.Object({
  chain_id: ChainId,
  block_number: orNull(Type.Integer({ minimum: 0 })),
  reason: orNull(Type.String({ description: 'Why a balance is null: the node is down, slow or not configured' })),
  assets: Type.Array(Type.Object({
    token: orNull(EvmAddress),
    symbol: Type.String(),
    decimals: Type.Integer({ minimum: 0, maximum: 255 }),
    balance: orNull(Amount)
  }))
})

const example = {
  id: ada.walletId,
  name: 'treasury',
  role: 'operations',
  address: ada.treasury,
  state: 'active',
  rotating_from: null,
  created_at: ada.signedUpAt,
  balances: [{ chain_id: 1, block_number: 24_500_000, reason: null, assets: [{ token: null, symbol: 'ETH', decimals: 18, balance: '1250000000000000000' }] }]
}

export const KmsWalletView = Type.Object({
  id: WalletId,
  name: Type.String(),
  role: WalletRoleSchema,
  address: EvmAddress,
  state: KmsWalletState,
  rotating_from: orNull(WalletId),
  created_at: Timestamp,
  balances: Type.Array(ChainBalances, { description: 'Some seconds old at most' })
}, { examples: [example] })
export type KmsWalletView = Static<typeof KmsWalletView>
export const kmsWalletExample = example

/** A row of the signer's audit. */
export const WalletEvent = Type.Object({
  id: Type.String(),
  event: Type.String(),
  subject: Type.String({ description: 'Id of what it happened to' }),
  actor: orNull(Type.String()),
  request_id: orNull(Type.String()),
  facts: Type.Object({}, { additionalProperties: true, description: 'Ids, digests and hashes; no addresses of people' }),
  recorded_at: Timestamp,
  sealed: Type.Boolean({ description: 'Linked into the chain of its wallet, under a signed checkpoint' })
})
export type WalletEvent = Static<typeof WalletEvent>

export const AuditCheckpoint = Type.Object({
  sequence: Type.Integer({ minimum: 1 }),
  hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sealed_at: Timestamp,
  signature: Type.String({ pattern: '^0x[0-9a-f]{128}$' })
})
