/** A document made ready to be asked often: addresses in sets, amounts as numbers. */
import type { AllowRule, DenyRule, LimitRule, PolicyDocument, Require, RequireRule, SignatureRule } from '@countersign/contracts'
import type { Hex } from '../chain/quantity.ts'
import { compileBound, typesOf, type CompiledBound } from './arguments.ts'
import { compileHours, type WithinHours } from './hours.ts'
import { nativeAsset, type Asset } from './judged.ts'
import { countersOf, type Counter } from './windows.ts'

export interface CompiledConditions {
  readonly name: string
  readonly initiators: ReadonlySet<string> | undefined
  readonly wallets: ReadonlySet<string> | undefined
  readonly chainIds: ReadonlySet<number> | undefined
  readonly withinHours: WithinHours | undefined
}

export interface CompiledNarrowing extends CompiledConditions {
  readonly destinations: ReadonlySet<string> | undefined
  readonly tokens: ReadonlySet<string> | undefined
  readonly methods: ReadonlySet<string> | undefined
  /** Signatures alone. */
  readonly signatures: boolean
  readonly above: readonly { readonly asset: Asset, readonly amount: bigint }[] | undefined
}

export interface CompiledAllow extends CompiledConditions {
  readonly destinations: ReadonlySet<string> | 'any'
  readonly maxValue: bigint
  readonly maxFeeTotal: bigint | undefined
  readonly tokens: ReadonlyMap<string, { readonly maxAmount: bigint, readonly allowances: boolean }>
  /** By selector; one is enough. */
  readonly methods: ReadonlyMap<Hex, readonly (readonly CompiledBound[])[]>
  /** Undefined: it is about transactions alone. */
  readonly signatures: CompiledSignatures | undefined
  readonly counters: readonly Counter[]
  readonly require: Require
}

export interface CompiledSignatures {
  /** How texts begin. */
  readonly texts: readonly string[]
  /** Primary types by contract. */
  readonly typedData: ReadonlyMap<string, ReadonlySet<string>>
}

export interface CompiledPolicy {
  readonly deny: readonly CompiledNarrowing[]
  /** In the order of the document. */
  readonly allow: readonly CompiledAllow[]
  readonly require: readonly (CompiledNarrowing & { readonly require: Require })[]
  readonly limit: readonly (CompiledNarrowing & { readonly counters: readonly Counter[] })[]
}

/** @param document as validatePolicy returned it: addresses in their EIP-55 form, selectors filled in. */
export const compilePolicy = ({ rules }: PolicyDocument): CompiledPolicy => ({
  deny: rules.filter((rule): rule is DenyRule => rule.effect === 'deny').map(narrowing),
  allow: rules.filter((rule): rule is AllowRule => rule.effect === 'allow').map(allow),
  require: rules.filter((rule): rule is RequireRule => rule.effect === 'require').map((rule) => ({ ...narrowing(rule), require: rule.require })),
  limit: rules.filter((rule): rule is LimitRule => rule.effect === 'limit').map((rule) => ({ ...narrowing(rule), counters: countersOf(rule.name, rule.windows) }))
})

const setOf = <T>(values: readonly T[] | undefined): ReadonlySet<T> | undefined => values === undefined ? undefined : new Set(values)

const conditions = ({ name, initiators, wallets, chain_ids: chainIds, hours }: Pick<DenyRule, 'name' | 'initiators' | 'wallets' | 'chain_ids' | 'hours'>): CompiledConditions => ({
  name, initiators: setOf(initiators), wallets: setOf(wallets), chainIds: setOf(chainIds), withinHours: hours === undefined ? undefined : compileHours(hours)
})

const narrowing = (rule: DenyRule | RequireRule | LimitRule): CompiledNarrowing => ({
  ...conditions(rule),
  destinations: setOf(rule.destinations),
  tokens: setOf(rule.tokens),
  methods: setOf(rule.methods),
  signatures: rule.signatures === true,
  above: rule.above?.map(({ token, amount }) => ({ asset: token ?? nativeAsset, amount: BigInt(amount) }))
})

function allow (rule: AllowRule): CompiledAllow {
  const methods = new Map<Hex, (readonly CompiledBound[])[]>()
  for (const { selector, signature, arguments: bounds = [] } of rule.methods ?? []) {
    const key = selector as Hex
    methods.set(key, [...methods.get(key) ?? [], bounds.map((bound) => compileBound(bound, typesOf(signature) ?? []))])
  }
  return {
    ...conditions(rule),
    destinations: rule.destinations === 'any' ? 'any' : new Set(rule.destinations),
    maxValue: BigInt(rule.max_value),
    maxFeeTotal: rule.max_fee_total === undefined ? undefined : BigInt(rule.max_fee_total),
    tokens: new Map((rule.tokens ?? []).map(({ token, max_amount: most, allowances }) => [token, { maxAmount: BigInt(most), allowances: allowances === true }])),
    methods,
    signatures: rule.signatures && compileSignatures(rule.signatures),
    counters: countersOf(rule.name, rule.windows),
    require: rule.require
  }
}

function compileSignatures ({ texts = [], typed_data: typed = [] }: SignatureRule): CompiledSignatures {
  const typedData = new Map<string, Set<string>>()
  for (const { contract, primary_types: types } of typed) typedData.set(contract, new Set([...typedData.get(contract) ?? [], ...types]))
  return { texts, typedData }
}
