/** The decision over one parsed transaction. Pure: the same policy, transaction and windows give the same answer. */
import type { FactorKind } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import type { CompiledAllow, CompiledPolicy } from './compile-policy.ts'
import { movementsOf, totalsOf, type Asset, type JudgedTransaction } from './judged.ts'
import { outsideAllow, outsideNarrowing } from './match-rule.ts'
import { joined, type Requirements } from './requirements.ts'
import { reservationsOf, shortIn, type Counter, type Reservation, type WindowUse } from './windows.ts'

export type Decision =
  | {
    readonly allowed: true
    /** That allows the first call. */
    readonly rule: string
    /** Each that allows a call, in their order. */
    readonly rules: readonly string[]
    readonly requirements: Requirements
    /** That may confirm it: shown ones, and unshown ones where a rule takes them for this amount. */
    readonly factorKinds: readonly FactorKind[]
    readonly maxFeeTotal: bigint | undefined
    /** One per window and subject. */
    readonly reservations: readonly Reservation[]
  }
  | { readonly allowed: false, readonly rule: string, readonly detail: string }

/** No call, or one that no rule allows: the reasons of so many rules are told. */
const mostReasons = 5

/**
 * Deny beats allow, and what no rule allows is denied. Each call is allowed by the first rule that allows all of it; the wishes of the rules
 * that allow a call, and of every `require` rule that concerns one, are joined.
 */
export function decide (policy: CompiledPolicy, transaction: JudgedTransaction, used: WindowUse): Decision {
  const { calls, initiator } = transaction
  const totals = totalsOf(calls)
  const denying = policy.deny.find((rule) => calls.some((call) => outsideNarrowing(rule, transaction, call, totals) === undefined))
  if (denying !== undefined) return { allowed: false, rule: denying.name, detail: `The rule "${denying.name}" denies this transaction.` }
  if (calls.length === 0) return { allowed: false, rule: 'default', detail: 'A transaction without a call does nothing (default).' }

  const rooms = createRooms(transaction, used)
  const spent = new Map<CompiledAllow, Map<Asset, bigint>>()
  const allowing: CompiledAllow[] = []
  for (const [index, call] of calls.entries()) {
    const reasons: string[] = []
    const rule = policy.allow.find((one) => {
      const reason = outsideAllow(one, transaction, call, (asset) => spent.get(one)?.get(asset) ?? 0n) ?? rooms.shortIn(one.counters, call)
      if (reason !== undefined && reasons.length < mostReasons) reasons.push(`"${one.name}": ${reason}`)
      return reason === undefined
    })
    if (rule === undefined) return { allowed: false, rule: 'default', detail: noRule(calls.length === 1 ? undefined : index, reasons) }
    rooms.take(rule.counters, call)
    spent.set(rule, added(spent.get(rule), call))
    allowing.push(rule)
  }

  for (const { name, counters, ...rule } of policy.limit) {
    for (const call of calls) {
      if (outsideNarrowing({ name, ...rule }, transaction, call, totals) !== undefined) continue
      const short = rooms.shortIn(counters, call)
      if (short !== undefined) return { allowed: false, rule: name, detail: `The rule "${name}" limits this transaction: ${short}.` }
      rooms.take(counters, call)
    }
  }

  const rules = [...new Set(allowing)]
  const adding = policy.require.filter((rule) => calls.some((call) => outsideNarrowing(rule, transaction, call, totals) === undefined))
  const wishes = joined([...rules, ...adding].map(({ name, require }) => ({ rule: name, require })), initiator, { totals, readable: transaction.signature?.readable ?? calls.every(({ data, movement }) => data === '0x' || movement !== null) })
  if ('impossible' in wishes) return { allowed: false, rule: wishes.rule, detail: wishes.impossible }
  const { requirements } = wishes
  return {
    allowed: true,
    rule: rules[0]?.name ?? '',
    rules: rules.map(({ name }) => name),
    requirements,
    factorKinds: requirements.proof?.shownKinds ?? [],
    maxFeeTotal: rules.map(({ maxFeeTotal }) => maxFeeTotal).reduce((a, b) => a === undefined ? b : b === undefined || a < b ? a : b, undefined),
    reservations: rooms.reservations()
  }
}

/** Every window that the decision may ask about: read them first, in one go. */
export function windowKeysOf ({ allow, limit }: CompiledPolicy, transaction: JudgedTransaction): string[] {
  const totals = totalsOf(transaction.calls)
  const counters = (call: ParsedCall): Counter[] => [
    ...allow.filter((rule) => rule.counters.length > 0 && outsideAllow(rule, transaction, call, () => 0n) === undefined).flatMap((rule) => rule.counters),
    ...limit.filter((rule) => outsideNarrowing(rule, transaction, call, totals) === undefined).flatMap((rule) => rule.counters)
  ]
  return [...new Set(transaction.calls.flatMap((call) => counters(call).flatMap((counter) => reservationsOf(counter, call, transaction).map(({ key }) => key))))]
}

/** What this transaction itself takes of the windows, call by call. */
function createRooms (transaction: JudgedTransaction, used: WindowUse) {
  const taken = new Map<string, Reservation>()
  return {
    shortIn: (counters: readonly Counter[], call: ParsedCall): string | undefined => shortIn(counters, call, transaction, (key) => used(key) + (taken.get(key)?.amount ?? 0n)),
    take (counters: readonly Counter[], call: ParsedCall): void {
      for (const reservation of counters.flatMap((counter) => reservationsOf(counter, call, transaction))) {
        const before = taken.get(reservation.key)?.amount ?? 0n
        taken.set(reservation.key, { ...reservation, amount: before + reservation.amount })
      }
    },
    reservations: (): Reservation[] => [...taken.values()]
  }
}

function added (before: ReadonlyMap<Asset, bigint> | undefined, call: ParsedCall): Map<Asset, bigint> {
  const after = new Map(before)
  for (const { asset, amount } of movementsOf(call)) after.set(asset, (after.get(asset) ?? 0n) + amount)
  return after
}

const noRule = (index: number | undefined, reasons: readonly string[]): string =>
  `No rule of the policy allows this transaction (default)${index === undefined ? '' : `, for its call ${index + 1}`}.${reasons.length === 0 ? '' : ` ${reasons.join('; ')}.`}`
