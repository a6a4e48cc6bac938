import { Type, type Static } from 'typebox'
import { treasuryTransfer } from './http/examples.ts'
import { Amount, ChainId, EvmAddress, Timestamp, WalletId } from './primitives.ts'

/** 16 KiB: what a batch of fifty token calls needs, twice. */
export const CallData = Type.String({ pattern: '^0x([0-9a-fA-F]{2})*$', maxLength: 32_770, description: 'ABI-encoded call, hex: a selector of 4 bytes and its arguments' })

const AbiInput = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 64 })),
  type: Type.String({ minLength: 1, maxLength: 64 }),
  components: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 32 }))
})
/** One function: as text, or as one entry of a contract's JSON ABI. */
export const AbiFragment = Type.Union([
  Type.String({ minLength: 3, maxLength: 1_024, pattern: '^(function )?[A-Za-z_$]' }),
  Type.Object({ type: Type.Literal('function'), name: Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$', maxLength: 64 }), inputs: Type.Array(AbiInput, { maxItems: 32 }) })
], { description: 'The called function, as `mint(address to, uint256 amount)` or as its entry of the contract\'s JSON ABI' })
export type AbiFragment = Static<typeof AbiFragment>

/** An error that the called contract may revert with: only for telling afterwards which one it was. */
const AbiError = Type.Union([
  Type.String({ minLength: 8, maxLength: 1_024, pattern: '^error [A-Za-z_$]' }),
  Type.Object({ type: Type.Literal('error'), name: Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$', maxLength: 64 }), inputs: Type.Array(AbiInput, { maxItems: 32 }) })
])
export type AbiError = Static<typeof AbiError>
const AbiList = Type.Array(Type.Union([AbiError, AbiFragment]), { minItems: 1, maxItems: 17, description: 'The called function, and errors such as `error Frozen(address account)` that name what it may revert with' })

const callFields = {
  to: Type.Optional(EvmAddress),
  value: Type.Optional(Amount),
  token: Type.Optional(EvmAddress),
  amount: Type.Optional(Amount),
  data: Type.Optional(CallData),
  abi: Type.Optional(Type.Union([AbiFragment, AbiList])),
  args: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 32, description: 'For `abi`: whole numbers as decimal text, bytes as hex, structs as lists of their fields' }))
}

/** One call: `{to, value}` coins, `{token, to, amount}` an ERC-20 transfer, `{to, value?, data}` or `{to, value?, abi, args}` a contract call. */
export const CallRequest = Type.Object(callFields, { additionalProperties: false })
export type CallRequest = Static<typeof CallRequest>

export const mostBatchedCalls = 50
export const transactionSpeeds = ['slow', 'average', 'fast'] as const
export const TransactionSpeed = Type.Union(transactionSpeeds.map((speed) => Type.Literal(speed)) as never, { description: 'How much is offered to be mined soon; average when absent' })
export type TransactionSpeed = typeof transactionSpeeds[number]

export const TransactionMetadata = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }), Type.String({ maxLength: 256 }), { maxProperties: 16, additionalProperties: false, description: 'The caller\'s own notes. Nobody is shown them for confirmation' }
)

const { wallet_id, chain_id, to, value } = treasuryTransfer

/** Which fields belong together is checked by signer-service, so that a fault names the one field that is missing or too many. */
export const TransactionRequest = Type.Object({
  wallet_id: WalletId,
  chain_id: ChainId,
  ...callFields,
  calls: Type.Optional(Type.Array(CallRequest, { minItems: 1, maxItems: mostBatchedCalls, description: 'A batch: all of them in one transaction, or none. Multicall3 makes the calls, so that none of them can transfer the wallet\'s tokens' })),
  speed: Type.Optional(Type.Unsafe<TransactionSpeed>(TransactionSpeed)),
  max_fee: Type.Optional(Amount),
  valid_until: Type.Optional(Timestamp),
  priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 9, description: 'Of what waits for the same wallet, the highest is sent first; 0 when absent' })),
  metadata: Type.Optional(TransactionMetadata)
}, {
  additionalProperties: false,
  examples: [
    { wallet_id, chain_id, to, value },
    { wallet_id, chain_id, token: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', to, amount: '12500000', speed: 'fast' },
    { wallet_id, chain_id, to: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', abi: 'mint(address to, uint256 amount)', args: [to, '12500000'], metadata: { invoice: '2026-0042' } },
    { wallet_id, chain_id, to: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', abi: ['claim(uint256 id)', 'error Frozen(address account)'], args: ['7'] },
    { wallet_id, chain_id, calls: [{ to, value }, { to: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', data: '0x4641257d' }] }
  ]
})
export type TransactionRequest = Static<typeof TransactionRequest>
