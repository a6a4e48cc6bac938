/** The policy of a deployment, as a document: named rules over what a transaction does. Nothing is allowed that no rule allows. */
import { Type, type Static } from 'typebox'
import { Amount, ChainId, EvmAddress, PolicyId, Timestamp, WalletId } from './primitives.ts'
import { FactorKind, ShownFactorKind } from './receipts.ts'

const closed = { additionalProperties: false } as const

export const RuleName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$', maxLength: 64, description: 'Windows are counted under this name: a renamed rule begins at zero' })
export const PrincipalId = Type.String({ pattern: '^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}$', maxLength: 30, description: 'Id of a principal' })
const Selector = Type.String({ pattern: '^0x[0-9a-f]{8}$', maxLength: 10, description: 'First four bytes of the data' })
const seconds = (minimum: number, maximum: number, description: string) => Type.Integer({ minimum, maximum, description })

/** Bounds of one argument, read from its 32-byte word: only types that have a place of their own in the head of the data. */
export const ArgumentBound = Type.Object({
  index: Type.Integer({ minimum: 0, maximum: 31, description: 'From 0' }),
  in: Type.Optional(Type.Array(Type.String({ pattern: '^(0x[0-9a-fA-F]{1,64}|0|[1-9][0-9]{0,77})$', maxLength: 78 }), { minItems: 1, maxItems: 256, description: 'Addresses, numbers or bytes' })),
  min: Type.Optional(Amount),
  max: Type.Optional(Amount)
}, closed)
export type ArgumentBound = Static<typeof ArgumentBound>

export const MethodRule = Type.Object({
  signature: Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}\\([A-Za-z0-9,()[\\]]{0,512}\\)$', maxLength: 580, description: 'withdraw(address,uint256): names of types as the ABI writes them' }),
  selector: Type.Optional(Selector),
  arguments: Type.Optional(Type.Array(ArgumentBound, { minItems: 1, maxItems: 32 }))
}, closed)
export type MethodRule = Static<typeof MethodRule>

export const TokenRule = Type.Object({
  token: EvmAddress,
  max_amount: Amount,
  allowances: Type.Optional(Type.Boolean({ description: 'Also approve(): what another may take counts as spent when it is allowed' }))
}, closed)

/** One rolling sum or count. An entry leaves a little late, by at most a thirty-second of the window, never early. */
export const WindowRule = Type.Object({
  per: Type.Union([Type.Literal('wallet'), Type.Literal('destination'), Type.Literal('initiator')]),
  seconds: seconds(60, 2_678_400, 'Length of the window, up to 31 days'),
  token: Type.Optional(EvmAddress),
  max_sum: Type.Optional(Amount),
  max_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Calls, of whatever kind, that the rule concerns' }))
}, { ...closed, description: 'max_sum is in wei, or in the smallest unit of the token' })
export type WindowRule = Static<typeof WindowRule>

const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', maxLength: 5 })
export const Hours = Type.Object({
  from: TimeOfDay,
  until: Type.String({ pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$', maxLength: 5, description: 'Exclusive; before from: on the next day' }),
  zone: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$', maxLength: 64, description: 'IANA name; UTC when absent' })),
  days: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { minItems: 1, maxItems: 7, uniqueItems: true, description: '1 is Monday; of the moment itself' }))
}, closed)
export type Hours = Static<typeof Hours>

const Destinations = Type.Array(EvmAddress, { minItems: 1, maxItems: 1_024 })
/** What may be signed without being sent. A rule with it is about signatures alone. */
export const SignatureRule = Type.Object({
  texts: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 64, description: 'How a text begins; an empty one is any text' })),
  typed_data: Type.Optional(Type.Array(Type.Object({
    contract: Type.Unsafe<string>({ ...EvmAddress, description: 'Of the domain' }),
    primary_types: Type.Array(Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$', maxLength: 64 }), { minItems: 1, maxItems: 64, uniqueItems: true })
  }, closed), { minItems: 1, maxItems: 256 }))
}, { ...closed, minProperties: 1 })
export type SignatureRule = Static<typeof SignatureRule>

/** Each narrows; absent, it concerns everything. */
const conditions = {
  initiators: Type.Optional(Type.Array(PrincipalId, { minItems: 1, maxItems: 256, uniqueItems: true })),
  wallets: Type.Optional(Type.Array(WalletId, { minItems: 1, maxItems: 256, uniqueItems: true })),
  chain_ids: Type.Optional(Type.Array(ChainId, { minItems: 1, maxItems: 64, uniqueItems: true })),
  hours: Type.Optional(Hours)
}
/** Of rules that take rights away: one match anywhere in the transaction is enough. */
const narrowing = {
  ...conditions,
  destinations: Type.Optional(Destinations),
  tokens: Type.Optional(Type.Array(EvmAddress, { minItems: 1, maxItems: 256, description: 'Any call to one of these contracts' })),
  methods: Type.Optional(Type.Array(Selector, { minItems: 1, maxItems: 256, uniqueItems: true })),
  signatures: Type.Optional(Type.Literal(true, { description: 'Signatures of texts and typed data alone, no transaction' })),
  above: Type.Optional(Type.Array(Type.Object({ token: Type.Optional(EvmAddress), amount: Amount }, closed), {
    minItems: 1, maxItems: 64, description: 'The whole transaction moves more than one of these; wei without a token'
  }))
}

export const Approvals = Type.Object({
  least: Type.Integer({ minimum: 1, maximum: 16 }),
  of: Type.Array(PrincipalId, { minItems: 1, maxItems: 64, uniqueItems: true })
}, { ...closed, description: 'So many of these principals, never the initiator' })
export type Approvals = Static<typeof Approvals>

export const Require = Type.Object({
  shown_proof: Type.Optional(Type.Literal(true, { description: 'The action was displayed outside the gateway\'s reach' })),
  factor_kinds: Type.Optional(Type.Array(ShownFactorKind, { minItems: 1, uniqueItems: true })),
  unshown: Type.Optional(Type.Object({
    factor_kinds: Type.Array(FactorKind, { minItems: 1, uniqueItems: true }),
    max_value: Amount,
    tokens: Type.Optional(Type.Array(Type.Object({ token: EvmAddress, max_amount: Amount }, closed), { minItems: 1, maxItems: 64 }))
  }, { ...closed, description: 'Up to these amounts of the whole transaction, a factor that shows nothing is enough: a stolen gateway can spend as much with each code that a user types' })),
  least_factor_age_seconds: Type.Optional(seconds(1, 31_536_000, 'A factor that was added a moment ago confirms nothing')),
  approvals: Type.Optional(Approvals),
  delay_seconds: Type.Optional(seconds(1, 2_592_000, 'From the request on')),
  wait_seconds: Type.Optional(seconds(60, 2_592_000, 'How long it may wait for all of this and be sent, the delay not counted'))
}, closed)
export type Require = Static<typeof Require>

/**
 * Every allow names its wallets, its destinations and its highest value. One that wants neither a shown proof nor approvals is bounded per
 * wallet, by a max_sum window of each asset that it moves, a max_count window and max_fee_total: so many fees may be lost as well.
 */
export const AllowRule = Type.Object({
  name: RuleName,
  effect: Type.Literal('allow'),
  ...conditions,
  wallets: Type.Array(WalletId, { minItems: 1, maxItems: 256, uniqueItems: true }),
  destinations: Type.Union([Type.Literal('any'), Destinations], { description: 'Who receives: of a token the one who gets or may take it, of a contract call the contract' }),
  max_value: Amount,
  max_fee_total: Type.Optional(Amount),
  tokens: Type.Optional(Type.Array(TokenRule, { minItems: 1, maxItems: 256 })),
  methods: Type.Optional(Type.Array(MethodRule, { minItems: 1, maxItems: 64 })),
  signatures: Type.Optional(SignatureRule),
  windows: Type.Optional(Type.Array(WindowRule, { minItems: 1, maxItems: 8 })),
  require: Require
}, closed)
export type AllowRule = Static<typeof AllowRule>

/** Without a condition it denies everything: a freeze. */
export const DenyRule = Type.Object({ name: RuleName, effect: Type.Literal('deny'), ...narrowing }, closed)
export type DenyRule = Static<typeof DenyRule>

/** Adds to what the allowing rules want, whichever they are. */
export const RequireRule = Type.Object({ name: RuleName, effect: Type.Literal('require'), ...narrowing, require: Require }, closed)
export type RequireRule = Static<typeof RequireRule>

/** A window over what several rules allow together. */
export const LimitRule = Type.Object({ name: RuleName, effect: Type.Literal('limit'), ...narrowing, windows: Type.Array(WindowRule, { minItems: 1, maxItems: 8 }) }, closed)
export type LimitRule = Static<typeof LimitRule>

export const ruleKinds = { allow: AllowRule, deny: DenyRule, require: RequireRule, limit: LimitRule } as const
export type PolicyRule = AllowRule | DenyRule | RequireRule | LimitRule

export const PolicyDocument = Type.Object({
  rules: Type.Array(Type.Union([AllowRule, DenyRule, RequireRule, LimitRule]), { maxItems: 256 })
}, closed)
export type PolicyDocument = Static<typeof PolicyDocument>

export const PolicyView = Type.Object({
  id: PolicyId,
  version: Type.Integer({ minimum: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64, description: 'Of the document in canonical form: JSON with sorted members, addresses as EIP-55' }),
  created_at: Timestamp,
  document: PolicyDocument
}, closed)
export type PolicyView = Static<typeof PolicyView>

/**
 * EIP-712: what an administrator signs to change the policy. Every rule is there in full, so that the wallet's own screen shows what is
 * signed; `previous_sha256` is of the version that it replaces; after `valid_until` (seconds since the epoch) the signature is none.
 */
export const policyChangeTypes = {
  PolicyChange: [
    { name: 'deployment', type: 'string' },
    { name: 'policy', type: 'string' },
    { name: 'version', type: 'uint256' },
    { name: 'rules', type: 'string[]' },
    { name: 'sha256', type: 'bytes32' },
    { name: 'previous_sha256', type: 'bytes32' },
    { name: 'valid_until', type: 'uint256' }
  ]
} as const

/** EIP-712: what an approver signs. `text` says what is done, as every mail of it says it; `digest` binds the whole intent. */
export const approvalTypes = {
  TransactionApproval: [
    { name: 'decision', type: 'string' },
    { name: 'deployment', type: 'string' },
    { name: 'transaction', type: 'string' },
    { name: 'text', type: 'string' },
    { name: 'digest', type: 'bytes32' }
  ]
} as const

const domainFields = [{ name: 'name', type: 'string' }, { name: 'version', type: 'string' }] as const
const Field = Type.Object({ name: Type.String(), type: Type.String() }, closed)

/** As `eth_signTypedData_v4` takes it, whole. It is valid on every chain: what it is about has a field of its own. */
export const SignableData = Type.Object({
  domain: Type.Object({ name: Type.String(), version: Type.String() }, closed),
  types: Type.Record(Type.String(), Type.Array(Field)),
  primaryType: Type.String(),
  message: Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer(), Type.Array(Type.String())]))
}, closed)
export type SignableData = Static<typeof SignableData>

export const KeySignature = Type.String({ pattern: '^0x[0-9a-fA-F]{130}$', maxLength: 132, description: 'ECDSA over the typed data: r, s and v, 65 bytes in hex' })

const signable = (types: Readonly<Record<string, readonly { readonly name: string, readonly type: string }[]>>, message: SignableData['message']): SignableData => ({
  domain: { name: 'Countersign', version: '1' },
  types: Object.fromEntries([['EIP712Domain', domainFields], ...Object.entries(types)].map(([name, fields]) => [name, (fields as typeof domainFields).map((field) => ({ ...field }))])),
  primaryType: Object.keys(types)[0] ?? '',
  message
})

export interface SignedApproval { readonly decision: 'approve' | 'reject', readonly deployment: string, readonly transaction: string, readonly text: string, readonly digest: string }
export const approvalData = ({ decision, deployment, transaction, text, digest }: SignedApproval): SignableData => signable(approvalTypes, { decision, deployment, transaction, text, digest })

export interface SignedPolicyChange {
  readonly deployment: string
  readonly policy: string
  readonly version: number
  readonly document: PolicyDocument
  /** 64 hex digits. */
  readonly sha256: string
  readonly previousSha256: string
  /** Seconds since the epoch. */
  readonly validUntil: number
}
export const policyChangeData = ({ deployment, policy, version, document, sha256, previousSha256, validUntil }: SignedPolicyChange): SignableData => signable(policyChangeTypes, {
  deployment, policy, version, rules: document.rules.map(canonicalPolicyJson), sha256: `0x${sha256}`, previous_sha256: `0x${previousSha256}`, valid_until: validUntil
})

/** A document or a rule as one text, with sorted members: what is hashed, and what a wallet shows. */
export const canonicalPolicyJson = (value: unknown): string => JSON.stringify(value, (_key, item: unknown) =>
  typeof item === 'object' && item !== null && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1)) : item)

/** How long a signed change counts at most: one that was signed and held back is worth nothing a day later. */
export const longestPolicyChangeSeconds = 86_400

/** What a dry run asks about: a transaction that is not made. */
export const DryRunTransaction = Type.Object({
  initiator: PrincipalId,
  wallet_id: WalletId,
  chain_id: ChainId,
  to: EvmAddress,
  value: Amount,
  data: Type.Optional(Type.String({ pattern: '^0x([0-9a-f]{2})*$', maxLength: 40_000, description: 'Lower-case hex' }))
}, closed)
export type DryRunTransaction = Static<typeof DryRunTransaction>

export const Explanation = Type.Object({
  policy_version: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], { description: 'Null: a document that was sent along' }),
  allowed: Type.Boolean(),
  rule: Type.String({ description: 'That decides; default when no rule allows it' }),
  detail: Type.Optional(Type.String()),
  requirements: Type.Optional(Type.Object({
    factor_kinds: Type.Array(FactorKind),
    unshown_factor_kinds: Type.Array(FactorKind),
    least_factor_age_seconds: Type.Integer(),
    approvals: Type.Array(Approvals),
    delay_seconds: Type.Integer()
  }, closed)),
  windows: Type.Array(Type.Object({ window: Type.String(), holds: Amount, takes: Amount }, closed), { description: 'What it would take of each' }),
  rules: Type.Array(Type.Object({ name: Type.String(), effect: Type.String(), call: Type.Integer({ description: 'From 1' }), says: Type.String() }, closed))
}, closed)
export type Explanation = Static<typeof Explanation>
