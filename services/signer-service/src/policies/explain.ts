/** The decision with what every rule says to every call: for a dry run, in the words of the refusals. */
import type { Explanation } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { decide } from './decide.ts'
import { totalsOf, type JudgedTransaction } from './judged.ts'
import { outsideAllow, outsideNarrowing } from './match-rule.ts'
import { shortIn, type WindowUse } from './windows.ts'

type Saying = Explanation['rules'][number]

/** Each call for itself: what the calls before it take of a rule is in the decision alone. */
export function explain (policy: CompiledPolicy, transaction: JudgedTransaction, used: WindowUse): Omit<Explanation, 'policy_version'> {
  const decision = decide(policy, transaction, used)
  const totals = totalsOf(transaction.calls)
  const says = (effect: string, saying: (call: ParsedCall) => { readonly name: string, readonly says: string }[]): Saying[] =>
    transaction.calls.flatMap((call, index) => saying(call).map((one) => ({ ...one, effect, call: index + 1 })))
  const rules = [
    ...says('deny', (call) => policy.deny.map((rule) => ({ name: rule.name, says: outsideNarrowing(rule, transaction, call, totals) ?? 'denies it' }))),
    ...says('allow', (call) => policy.allow.map((rule) => ({ name: rule.name, says: outsideAllow(rule, transaction, call, () => 0n) ?? shortIn(rule.counters, call, transaction, used) ?? 'allows it' }))),
    ...says('require', (call) => policy.require.map((rule) => ({ name: rule.name, says: outsideNarrowing(rule, transaction, call, totals) ?? 'adds what it requires' }))),
    ...says('limit', (call) => policy.limit.map((rule) => ({ name: rule.name, says: outsideNarrowing(rule, transaction, call, totals) ?? shortIn(rule.counters, call, transaction, used) ?? 'has room for it' })))
  ]
  if (!decision.allowed) return { allowed: false, rule: decision.rule, detail: decision.detail, windows: [], rules }
  const { requirements: { proof, approvals, delaySeconds } } = decision
  return {
    allowed: true,
    rule: decision.rule,
    requirements: {
      factor_kinds: [...proof?.shownKinds ?? []],
      unshown_factor_kinds: [...proof?.unshownKinds ?? []],
      least_factor_age_seconds: proof?.leastAgeSeconds ?? 0,
      approvals: approvals.map(({ least, of }) => ({ least, of: [...of] })),
      delay_seconds: delaySeconds
    },
    windows: decision.reservations.map(({ key, amount }) => ({ window: key, holds: used(key).toString(), takes: amount.toString() })),
    rules
  }
}
