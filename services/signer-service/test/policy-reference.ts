/** The policy once more, slow and obvious: straight from the document as given, rule by rule, without anything made ready. */
import type { AllowRule, DenyRule, LimitRule, PolicyDocument, Require, RequireRule } from '@countersign/contracts'
import type { JudgedTransaction } from '../src/policies/judged.ts'
import type { ParsedCall } from '../src/calls/call.ts'

export interface ReferenceVerdict {
  readonly allowed: boolean
  readonly rule: string
  readonly shownKinds?: readonly string[]
  readonly unshownKinds?: readonly string[]
  readonly approvals?: readonly string[]
  readonly delay?: number
  readonly age?: number
  readonly taken?: Readonly<Record<string, bigint>>
}

const total = (calls: readonly ParsedCall[], token: string | undefined): bigint =>
  calls.reduce((sum, { value, movement }) => sum + (token === undefined ? value : movement?.token === token ? movement.amount : 0n), 0n)

const basics = (rule: Pick<DenyRule, 'wallets' | 'initiators' | 'chain_ids' | 'hours'>, tx: JudgedTransaction): boolean => {
  if (rule.wallets !== undefined && !rule.wallets.includes(tx.walletId)) return false
  if (rule.initiators !== undefined && !rule.initiators.includes(tx.initiator)) return false
  if (rule.chain_ids !== undefined && !rule.chain_ids.includes(tx.chainId)) return false
  if (rule.hours !== undefined) {
    // UTC alone, minute by minute from `from` to `until`.
    const minute = tx.at.getUTCHours() * 60 + tx.at.getUTCMinutes()
    const [fromHour = 0, fromMinute = 0] = rule.hours.from.split(':').map(Number)
    const [untilHour = 0, untilMinute = 0] = rule.hours.until.split(':').map(Number)
    const minutes = new Set<number>()
    for (let at = fromHour * 60 + fromMinute; at % 1_440 !== (untilHour * 60 + untilMinute) % 1_440; at++) minutes.add(at % 1_440)
    if (!minutes.has(minute)) return false
    if (rule.hours.days !== undefined && !rule.hours.days.includes(tx.at.getUTCDay() === 0 ? 7 : tx.at.getUTCDay())) return false
  }
  return true
}

const concerns = (rule: DenyRule | RequireRule | LimitRule, tx: JudgedTransaction, call: ParsedCall): boolean => {
  if (!basics(rule, tx)) return false
  if (rule.above !== undefined && !rule.above.some(({ token, amount }) => total(tx.calls, token) > BigInt(amount))) return false
  if (rule.destinations !== undefined && ![call.to, call.movement?.destination].some((one) => one !== undefined && rule.destinations?.includes(one))) return false
  if (rule.tokens !== undefined && !rule.tokens.includes(call.to)) return false
  return rule.methods === undefined || (call.selector !== null && rule.methods.includes(call.selector))
}

const allowsAlone = (rule: AllowRule, tx: JudgedTransaction, call: ParsedCall, before: readonly ParsedCall[]): boolean => {
  if (!basics(rule, tx)) return false
  const receiver = call.movement === null ? call.to : call.movement.destination
  if (rule.destinations !== 'any' && !rule.destinations.includes(receiver)) return false
  if (total([...before, call], undefined) > BigInt(rule.max_value)) return false
  if (rule.max_fee_total !== undefined && tx.maxFeeTotal !== undefined && tx.maxFeeTotal > BigInt(rule.max_fee_total)) return false
  if (call.movement !== null) {
    const { token, kind } = call.movement
    const named = rule.tokens?.find((one) => one.token === token)
    return call.value === 0n && named !== undefined && (kind === 'transfer' || named.allowances === true) && total([...before, call], token) <= BigInt(named.max_amount)
  }
  if (call.data === '0x') return true
  return rule.methods?.some(({ selector, arguments: bounds = [] }) => call.data.startsWith(selector ?? '?') && bounds.every(({ index, in: values, min, max }) => {
    const word = call.data.slice(10 + 64 * index, 74 + 64 * index)
    if (word.length < 64) return false
    const number = BigInt(`0x${word}`)
    return (values === undefined || values.some((value) => BigInt(value) === number)) && (min === undefined || number >= BigInt(min)) && (max === undefined || number <= BigInt(max))
  })) ?? false
}

/** What one call adds to one window, as [key, amount, limit]. */
const additions = (rule: AllowRule | LimitRule, tx: JudgedTransaction, call: ParsedCall): [string, bigint, bigint][] => (rule.windows ?? []).flatMap(({ per, seconds, token, max_sum: sum, max_count: count }) => {
  const list: [string, bigint, bigint][] = []
  const subject = (destination: string): string => ({ wallet: tx.walletId, initiator: tx.initiator, destination })[per]
  if (sum !== undefined) {
    const amount = total([call], token)
    if (amount > 0n) list.push([`${rule.name}|${per}|${seconds}|${token ?? 'native'}|${subject(token === undefined ? call.to : call.movement?.destination ?? '')}`, amount, BigInt(sum)])
  }
  if (count !== undefined) list.push([`${rule.name}|${per}|${seconds}|count|${subject(call.movement?.destination ?? call.to)}`, 1n, BigInt(count)])
  return list
})

export function referenceDecision ({ rules }: PolicyDocument, tx: JudgedTransaction, used: (key: string) => bigint): ReferenceVerdict {
  for (const rule of rules) {
    if (rule.effect === 'deny' && tx.calls.some((call) => concerns(rule, tx, call))) return { allowed: false, rule: rule.name }
  }
  if (tx.calls.length === 0) return { allowed: false, rule: 'default' }
  const taken: Record<string, bigint> = {}
  const fits = (all: readonly [string, bigint, bigint][]): boolean => all.every(([key, amount, limit]) => used(key) + (taken[key] ?? 0n) + amount <= limit)
  const take = (all: readonly [string, bigint, bigint][]): void => { for (const [key, amount] of all) taken[key] = (taken[key] ?? 0n) + amount }

  const allowed: [AllowRule, ParsedCall][] = []
  for (const call of tx.calls) {
    let found: AllowRule | undefined
    for (const rule of rules) {
      if (found !== undefined || rule.effect !== 'allow') continue
      const before = allowed.filter(([other]) => other === rule).map(([, one]) => one)
      if (allowsAlone(rule, tx, call, before) && fits(additions(rule, tx, call))) found = rule
    }
    if (found === undefined) return { allowed: false, rule: 'default' }
    take(additions(found, tx, call))
    allowed.push([found, call])
  }
  for (const rule of rules) {
    if (rule.effect !== 'limit') continue
    for (const call of tx.calls) {
      if (!concerns(rule, tx, call)) continue
      if (!fits(additions(rule, tx, call))) return { allowed: false, rule: rule.name }
      take(additions(rule, tx, call))
    }
  }

  const wishes: [string, Require][] = allowed.filter(([rule], at) => allowed.findIndex(([one]) => one === rule) === at).map(([rule]) => [rule.name, rule.require])
  for (const rule of rules) if (rule.effect === 'require' && tx.calls.some((call) => concerns(rule, tx, call))) wishes.push([rule.name, rule.require])
  const proofs = wishes.filter(([, { shown_proof: proof }]) => proof === true)
  const everyKind = ['email_code', 'sms', 'wallet', 'totp', 'passkey', 'recovery_codes']
  const unshownBy = ({ unshown }: Require, kind: string): boolean => {
    if (unshown === undefined || !(unshown.factor_kinds as string[]).includes(kind) || total(tx.calls, undefined) > BigInt(unshown.max_value)) return false
    return tx.calls.every(({ movement, data }) => movement === null ? data === '0x' : total(tx.calls, movement.token) <= BigInt(unshown.tokens?.find(({ token }) => token === movement.token)?.max_amount ?? 0))
  }
  const shownKinds = proofs.length === 0 ? [] : everyKind.filter((kind) => proofs.every(([, require]) => ((require.factor_kinds ?? ['email_code', 'sms', 'wallet']) as string[]).includes(kind) || unshownBy(require, kind)))
  const unshownKinds = proofs.length === 0 ? [] : everyKind.filter((kind) => proofs.every(([, require]) => unshownBy(require, kind)))
  if (proofs.length > 0 && shownKinds.length === 0) return { allowed: false, rule: proofs[0]?.[0] ?? '' }
  for (const [name, { approvals }] of wishes) {
    if (approvals !== undefined && approvals.of.filter((id) => id !== tx.initiator).length < approvals.least) return { allowed: false, rule: name }
  }
  return {
    allowed: true,
    rule: allowed[0]?.[0].name ?? '',
    shownKinds: [...shownKinds].sort(),
    unshownKinds: [...unshownKinds].sort(),
    approvals: [...new Set(wishes.flatMap(([, { approvals }]) => approvals === undefined ? [] : [`${approvals.least} of ${[...approvals.of].sort().join()}`]))].sort(),
    delay: Math.max(0, ...wishes.map(([, { delay_seconds: delay }]) => delay ?? 0)),
    age: Math.max(0, ...proofs.map(([, { least_factor_age_seconds: age }]) => age ?? 0)),
    taken
  }
}
