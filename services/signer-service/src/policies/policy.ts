/** A policy: named rules over the parsed transaction. Nothing is allowed that no rule allows; a rule that denies wins. */
import { Amount, ChainId, EvmAddress, ShownFactorKind, WalletId } from '@countersign/contracts'
import { Type, type Static } from 'typebox'

const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$', maxLength: 64 })
const conditions = {
  wallets: Type.Optional(Type.Array(WalletId, { minItems: 1, maxItems: 256, uniqueItems: true })),
  chain_ids: Type.Optional(Type.Array(ChainId, { minItems: 1, maxItems: 64, uniqueItems: true })),
  destinations: Type.Optional(Type.Array(EvmAddress, { minItems: 1, maxItems: 1_024 }))
}

/** Every allow names its wallets, its destinations, its highest value and the proof it wants: the schema has no other way to say it. */
export const AllowRule = Type.Object({
  name: Name,
  effect: Type.Literal('allow'),
  ...conditions,
  wallets: Type.Array(WalletId, { minItems: 1, maxItems: 256, uniqueItems: true }),
  destinations: Type.Array(EvmAddress, { minItems: 1, maxItems: 1_024 }),
  max_value: Amount,
  max_fee_total: Type.Optional(Amount),
  require: Type.Object({
    shown_proof: Type.Literal(true, { description: 'The action was displayed outside the gateway\'s reach' }),
    factor_kinds: Type.Optional(Type.Array(ShownFactorKind, { minItems: 1 }))
  }, { additionalProperties: false })
}, { additionalProperties: false })

/** Without a condition it denies everything: a freeze. */
export const DenyRule = Type.Object({ name: Name, effect: Type.Literal('deny'), ...conditions }, { additionalProperties: false })

export const PolicyDocument = Type.Object({
  rules: Type.Array(Type.Union([AllowRule, DenyRule]), { maxItems: 256 })
}, { additionalProperties: false })
export type PolicyDocument = Static<typeof PolicyDocument>
export type AllowRule = Static<typeof AllowRule>
export type DenyRule = Static<typeof DenyRule>

/** One version of the deployment's policy. Versions are added and never changed. */
export interface Policy {
  /** The same for all versions. */
  readonly id: string
  readonly version: number
  readonly document: PolicyDocument
  /** Of the document in canonical form: two equal documents are one version. */
  readonly sha256: string
  readonly createdAt: Date
}
