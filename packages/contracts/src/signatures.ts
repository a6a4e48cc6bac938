/**
 * A signature of a KMS-held wallet over a text (EIP-191) or typed data (EIP-712), asked for and countersigned like a transaction. There is no
 * form for a digest: what is signed is always shown.
 */
import { Type, type Static } from 'typebox'
import { ada, treasuryTransfer } from './http/examples.ts'
import { Amount, ChainId, EvmAddress, Hash32, PolicyId, SignatureId, Timestamp, UserId, WalletId } from './primitives.ts'
import { GivenProofView, TransactionConfirmation } from './transaction-proofs.ts'
import { TransactionMetadata } from './transaction-request.ts'
import type { TransactionState } from './transactions.ts'

export const signatureStates = ['received', 'awaiting_confirmation', 'approved', 'signed', 'rejected', 'cancelled', 'expired'] as const satisfies readonly TransactionState[]
export type SignatureState = typeof signatureStates[number]

/** The only moves there are. Once signed it is kept, and nothing takes it back. */
export const signatureMoves: Readonly<Record<SignatureState, readonly SignatureState[]>> = Object.freeze({
  received: ['awaiting_confirmation', 'approved'],
  awaiting_confirmation: ['approved', 'rejected', 'cancelled', 'expired'],
  approved: ['signed', 'rejected', 'cancelled', 'expired'],
  signed: [],
  rejected: [],
  cancelled: [],
  expired: []
})
export const SignatureStateSchema = Type.Unsafe<SignatureState>(Type.Union(signatureStates.map((state) => Type.Literal(state)) as never))

const closed = { additionalProperties: false } as const
const TypedField = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }), type: Type.String({ minLength: 1, maxLength: 96 }) }, closed)

/** As `eth_signTypedData_v4` takes it. Which of it is allowed, signer-service says, with the path of each fault. */
export const TypedDataRequest = Type.Object({
  domain: Type.Object({
    name: Type.Optional(Type.String({ maxLength: 256 })),
    version: Type.Optional(Type.String({ maxLength: 64 })),
    chainId: Type.Optional(Type.Union([ChainId, Type.String({ pattern: '^[1-9][0-9]{0,15}$', maxLength: 16 })])),
    verifyingContract: Type.Optional(EvmAddress),
    salt: Type.Optional(Hash32)
  }, closed),
  types: Type.Record(Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$' }), Type.Array(TypedField, { maxItems: 64 }), { maxProperties: 32, additionalProperties: false }),
  primaryType: Type.String({ minLength: 1, maxLength: 64 }),
  message: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown())
}, { ...closed, description: 'EIP-712. The domain names its chain and its contract' })
export type TypedDataRequest = Static<typeof TypedDataRequest>

const permit2 = '0x000000000022D473030F116dDEE9F6B43aC78BA3'
const token = '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48'
const permit = {
  domain: { name: 'USD Coin', version: '2', chainId: 1, verifyingContract: token },
  types: {
    Permit: [
      { name: 'owner', type: 'address' }, { name: 'spender', type: 'address' }, { name: 'value', type: 'uint256' }, { name: 'nonce', type: 'uint256' }, { name: 'deadline', type: 'uint256' }
    ]
  },
  primaryType: 'Permit',
  message: { owner: ada.treasury, spender: permit2, value: '12500000', nonce: '0', deadline: '1772359200' }
}

/** Asked for and not confirmed yet. */
export const permitOfAda = {
  id: ada.signatureId, state: 'awaiting_confirmation', initiator: ada.userId, wallet_id: ada.walletId, address: ada.treasury, form: 'typed_data', typed_data: permit,
  grants: [{ kind: 'allow', token, destination: permit2, amount: '12500000', unlimited: false }], message_digest: ada.digest,
  policy: { id: ada.policyId, version: 3, rule: 'permits of USDC' }, digest: ada.digest, confirmation: treasuryTransfer.confirmation, missing: ['proof'], metadata: {},
  history: treasuryTransfer.history, created_at: treasuryTransfer.created_at, updated_at: treasuryTransfer.updated_at, valid_until: treasuryTransfer.valid_until
}

/** One of `text` and `typed_data`. */
export const SignatureRequest = Type.Object({
  wallet_id: WalletId,
  text: Type.Optional(Type.String({ minLength: 1, maxLength: 3_500, description: 'EIP-191 (personal_sign). Readable text, never a digest or a transaction in digits' })),
  typed_data: Type.Optional(TypedDataRequest),
  valid_until: Type.Optional(Timestamp),
  metadata: Type.Optional(TransactionMetadata)
}, { ...closed, examples: [{ wallet_id: ada.walletId, typed_data: permit }, { wallet_id: ada.walletId, text: 'I am the treasury of Example Ltd.' }] })
export type SignatureRequest = Static<typeof SignatureRequest>

/** What a dry run of the policy asks about: a signature that is not given. */
export const DryRunSignature = Type.Object({
  initiator: UserId,
  wallet_id: WalletId,
  text: SignatureRequest.properties.text,
  typed_data: SignatureRequest.properties.typed_data
}, closed)
export type DryRunSignature = Static<typeof DryRunSignature>

/** What a signature lets another account take, or moves. */
export const Grant = Type.Object({
  kind: Type.Union([Type.Literal('transfer'), Type.Literal('allow')]),
  token: EvmAddress,
  destination: Type.Unsafe<string>({ ...EvmAddress, description: 'Who receives, or may take' }),
  amount: Amount,
  unlimited: Type.Boolean({ description: 'The amount stands for all there ever will be' })
}, closed)

export const SignatureView = Type.Object({
  id: SignatureId,
  state: SignatureStateSchema,
  initiator: UserId,
  wallet_id: WalletId,
  address: EvmAddress,
  form: Type.Union([Type.Literal('text'), Type.Literal('typed_data')]),
  text: Type.Optional(Type.String()),
  typed_data: Type.Optional(TypedDataRequest),
  grants: Type.Array(Grant, { description: 'What it spends, as read from the typed data' }),
  message_digest: Type.Unsafe<string>({ ...Hash32, description: 'What the wallet signs: EIP-191 or EIP-712' }),
  signature: Type.Optional(Type.String({ pattern: '^0x[0-9a-f]{130}$', maxLength: 132, description: 'r, s and v' })),
  policy: Type.Object({ id: PolicyId, version: Type.Integer(), rule: Type.String() }, closed),
  digest: Type.Unsafe<string>({ ...Hash32, description: 'EIP-712, of the SignatureIntent that is confirmed' }),
  confirmation: Type.Optional(TransactionConfirmation),
  proof: Type.Optional(GivenProofView),
  missing: Type.Optional(Type.Array(Type.String(), { description: 'What it waits for: proof, approvals, delay' })),
  failure: Type.Optional(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
  metadata: TransactionMetadata,
  history: Type.Array(Type.Object({ state: SignatureStateSchema, at: Timestamp }, closed)),
  created_at: Timestamp,
  updated_at: Timestamp,
  valid_until: Timestamp
}, {
  ...closed,
  examples: [permitOfAda]
})
export type SignatureView = Static<typeof SignatureView>

/** What a second factor confirms, as EIP-712 typed data of the domain of every intent: `message_digest` binds all that is signed. */
export interface SignatureIntent {
  readonly deployment: string
  readonly signature_id: string
  readonly initiator: string
  /** EIP-55. */
  readonly wallet: string
  /** 0: a text, which names no chain. */
  readonly chain_id: number
  readonly message_digest: string
  /** Seconds since the epoch. */
  readonly valid_until: number
  readonly policy_version: number
}

/** EIP-712 types, in the order of encodeType. */
export const signatureIntentTypes = {
  SignatureIntent: [
    { name: 'deployment', type: 'string' },
    { name: 'signature_id', type: 'string' },
    { name: 'initiator', type: 'string' },
    { name: 'wallet', type: 'address' },
    { name: 'chain_id', type: 'uint256' },
    { name: 'message_digest', type: 'bytes32' },
    { name: 'valid_until', type: 'uint256' },
    { name: 'policy_version', type: 'uint256' }
  ]
} as const
