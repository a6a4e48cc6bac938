/** The policy's rules, without any server. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import fc from 'fast-check'
import type { PolicyDocument } from '@countersign/contracts'
import { encodeFunctionData, parseAbi } from 'viem'
import type { ParsedCall } from '../src/calls/call.ts'
import { checksummed } from '../src/chain/address.ts'
import type { Hex } from '../src/chain/quantity.ts'
import { selectorOf } from '../src/chain/selector.ts'
import { compilePolicy } from '../src/policies/compile-policy.ts'
import { decide, windowKeysOf } from '../src/policies/decide.ts'
import type { JudgedTransaction } from '../src/policies/judged.ts'
import { covers, useBeside } from '../src/policies/reserved-room.ts'
import { PolicyRefused, validatePolicy } from '../src/policies/validate-policy.ts'
import { referenceDecision } from './policy-reference.ts'

const id = (prefix: string, index: number): string => `${prefix}_01JD0000000000000000000${String(index).padStart(3, '0')}`
const [wallet, otherWallet] = [id('wal', 1), id('wal', 2)]
const [ada, bo, cy, dan] = [id('usr', 1), id('usr', 2), id('usr', 3), id('usr', 4)]
const address = (index: number): string => checksummed(`0x${(0xdead00 + index).toString(16).padStart(40, '0')}`) ?? ''
const [alice, bob, token, otherToken, vault] = [address(1), address(2), address(3), address(4), address(5)]
const at = new Date('2030-01-02T12:00:00Z')
const none = (): bigint => 0n

const pay = (to: string, value: bigint): ParsedCall => ({ to, value, data: '0x', selector: null, movement: null })
const call = (to: string, data: Hex, value = 0n): ParsedCall => ({ to, value, data, selector: data.slice(0, 10) as Hex, movement: null })
const move = (kind: 'transfer' | 'allow', of: string, destination: string, amount: bigint, value = 0n): ParsedCall => {
  const selector = kind === 'transfer' ? '0xa9059cbb' : '0x095ea7b3'
  return { to: of, value, data: `${selector}${destination.slice(2).toLowerCase().padStart(64, '0')}${amount.toString(16).padStart(64, '0')}`, selector, movement: { kind, token: of, destination, amount } }
}
const asked = (calls: readonly ParsedCall[], changes: Partial<JudgedTransaction> = {}): JudgedTransaction => ({ initiator: ada, walletId: wallet, chainId: 1, calls, at, ...changes })
const compiled = (...rules: object[]) => compilePolicy(validatePolicy({ rules }, checksummed).document)
const allow = { name: 'pay', effect: 'allow', wallets: [wallet], destinations: [alice], max_value: '100', require: { shown_proof: true } }
const faultsOf = (...rules: object[]): string => {
  try {
    validatePolicy({ rules }, checksummed)
    return ''
  } catch (error) {
    if (!(error instanceof PolicyRefused)) throw error
    return error.faults.join('; ')
  }
}

t.test('data, tokens and allowances that no rule names are denied, and the refusal says which condition of which rule', async (t) => {
  const withdraw = encodeFunctionData({ abi: parseAbi(['function withdraw(address,uint256)']), args: [alice as Hex, 50n] })
  t.match(decide(compiled(allow), asked([call(alice, withdraw)]), none), { allowed: false, rule: 'default', detail: /"pay": no method of the rule names its data/ })
  t.match(decide(compiled(allow), asked([{ ...pay(alice, 1n), data: '0x12' }]), none), { allowed: false }, 'data too short for a method')
  t.match(decide(compiled(allow), asked([move('transfer', token, alice, 1n)]), none), { allowed: false, detail: /"pay": the token is not in tokens/ })
  t.match(decide(compiled(allow), asked([]), none), { allowed: false, rule: 'default' })

  const tokens = { ...allow, tokens: [{ token, max_amount: '10' }] }
  t.match(decide(compiled(tokens), asked([move('transfer', token, alice, 10n)]), none), { allowed: true })
  t.match(decide(compiled(tokens), asked([move('transfer', token, alice, 11n)]), none), { allowed: false, detail: /above the token's max_amount 10/ })
  t.match(decide(compiled(tokens), asked([move('transfer', token, bob, 1n)]), none), { allowed: false, detail: /destination/ }, 'the receiver counts, not the contract')
  t.match(decide(compiled({ ...tokens, destinations: [token] }), asked([move('transfer', token, alice, 1n)]), none), { allowed: false })
  t.match(decide(compiled(tokens), asked([move('allow', token, alice, 1n)]), none), { allowed: false, detail: /allowances/ })
  t.match(decide(compiled({ ...tokens, tokens: [{ token, max_amount: '10', allowances: true }] }), asked([move('allow', token, alice, 1n)]), none), { allowed: true })
  t.match(decide(compiled(tokens), asked([move('transfer', token, alice, 1n, 1n)]), none), { allowed: false, detail: /coins are sent along/ })

  const method = { ...allow, destinations: [vault], methods: [{ signature: 'withdraw(address,uint256)', arguments: [{ index: 0, in: [alice] }, { index: 1, min: '1', max: '50' }] }] }
  t.match(decide(compiled(method), asked([call(vault, withdraw, 100n)]), none), { allowed: true })
  t.match(decide(compiled(method), asked([call(vault, withdraw, 101n)]), none), { allowed: false, detail: /max_value 100/ })
  for (const args of [[bob as Hex, 50n], [alice as Hex, 51n], [alice as Hex, 0n]] as const) {
    t.match(decide(compiled(method), asked([call(vault, encodeFunctionData({ abi: parseAbi(['function withdraw(address,uint256)']), args }))]), none), { allowed: false, detail: /arguments are outside/ })
  }
  t.match(decide(compiled(method), asked([call(vault, withdraw.slice(0, 80) as Hex)]), none), { allowed: false, detail: /arguments/ }, 'words that are not there')
  t.match(decide(compiled(method), asked([call(vault, selectorOf('withdraw(address)'))]), none), { allowed: false })
  t.match(decide(compiled(method), asked([call(alice, withdraw)]), none), { allowed: false, detail: /destination/ })
})

t.test('every call of a batch is allowed by one rule, amounts add up, and what the rules want is joined', async (t) => {
  const big = { ...allow, name: 'big', max_value: '1000', require: { approvals: { least: 2, of: [bo, cy, dan] }, delay_seconds: 60 } }
  const policy = compiled(allow, big)
  t.match(decide(policy, asked([pay(alice, 60n)]), none), { allowed: true, rules: ['pay'], factorKinds: ['email_code'], requirements: { approvals: [], delaySeconds: 0 } })
  t.match(decide(policy, asked([pay(alice, 60n), pay(alice, 60n)]), none), {
    allowed: true, rule: 'pay', rules: ['pay', 'big'], factorKinds: ['email_code'], requirements: { approvals: [{ least: 2, of: [bo, cy, dan] }], delaySeconds: 60 }
  }, 'the second call is above what is left of the first rule')
  t.match(decide(compiled(allow), asked([pay(alice, 60n), pay(alice, 60n)]), none), { allowed: false, detail: /for its call 2.*max_value 100/ })
  t.match(decide(compiled(allow), asked([pay(alice, 1n), pay(bob, 1n)]), none), { allowed: false, detail: /for its call 2/ })
  t.match(decide(compiled(allow, { name: 'no bob', effect: 'deny', destinations: [bob] }, { ...allow, name: 'b', destinations: [bob] }), asked([pay(alice, 1n), pay(bob, 1n)]), none), { allowed: false, rule: 'no bob' })

  const requiring = { name: 'large', effect: 'require', above: [{ amount: '50' }, { token, amount: '5' }], require: { approvals: { least: 1, of: [bo] } } }
  t.match(decide(compiled(allow, requiring), asked([pay(alice, 50n)]), none), { requirements: { approvals: [] } })
  t.match(decide(compiled(allow, requiring), asked([pay(alice, 25n), pay(alice, 26n)]), none), { requirements: { approvals: [{ least: 1, of: [bo] }] } }, 'the whole transaction counts')
  t.match(decide(compiled(allow, requiring), asked([pay(alice, 51n)], { initiator: bo }), none), { allowed: false, rule: 'large', detail: /wants 1 approvals, and only 0/ }, 'nobody is left to approve')
})

t.test('factors: the kinds that all rules take, unshown ones up to a written amount, and the greatest age', async (t) => {
  const unshown = { ...allow, require: { shown_proof: true, unshown: { factor_kinds: ['totp', 'passkey'], max_value: '10', tokens: [{ token, max_amount: '3' }] }, least_factor_age_seconds: 60 }, tokens: [{ token, max_amount: '5' }, { token: otherToken, max_amount: '5' }] }
  const policy = compiled(unshown)
  const kinds = (...calls: ParsedCall[]) => {
    const decision = decide(policy, asked(calls), none)
    return decision.allowed ? decision.requirements.proof : decision
  }
  t.strictSame(kinds(pay(alice, 10n)), { shownKinds: ['email_code', 'sms', 'wallet', 'totp', 'passkey'], unshownKinds: ['totp', 'passkey'], programs: true, leastAgeSeconds: 60 })
  t.match(kinds(pay(alice, 6n), pay(alice, 5n)), { shownKinds: ['email_code', 'sms', 'wallet'], unshownKinds: [] })
  t.match(kinds(move('transfer', token, alice, 3n)), { unshownKinds: ['totp', 'passkey'] })
  t.match(kinds(move('transfer', token, alice, 4n)), { unshownKinds: [] })
  t.match(kinds(move('transfer', otherToken, alice, 1n)), { unshownKinds: [] }, 'a token without a written amount')
  t.match(decide(compiled({ ...unshown, methods: [{ signature: 'a()' }] }), asked([call(alice, selectorOf('a()'))]), none), { requirements: { proof: { unshownKinds: [] } } }, 'no amount tells what a method moves')

  const stricter = { name: 'stricter', effect: 'require', require: { shown_proof: true, least_factor_age_seconds: 600 } }
  t.match(decide(compiled(unshown, stricter), asked([pay(alice, 1n)]), none), { factorKinds: ['email_code'], requirements: { proof: { unshownKinds: [], leastAgeSeconds: 600 } } })
  const other = { name: 'other', effect: 'require', require: { shown_proof: true, unshown: { factor_kinds: ['recovery_codes'], max_value: '100' }, factor_kinds: ['email_code'] } }
  t.match(decide(compiled({ ...unshown, require: { ...unshown.require, factor_kinds: ['email_code'] } }, other), asked([pay(alice, 1n)]), none), { factorKinds: ['email_code'], requirements: { proof: { unshownKinds: [], programs: false } } })
})

t.test('hours are those of their zone, also across midnight and when the clocks change', async (t) => {
  const decided = (hours: object, time: string) => decide(compiled({ ...allow, hours }), asked([pay(alice, 1n)], { at: new Date(time) }), none).allowed
  const office = { from: '09:00', until: '17:00', zone: 'Europe/Berlin', days: [1, 2, 3, 4, 5] }
  t.strictSame(['2030-01-02T07:59:59Z', '2030-01-02T08:00:00Z', '2030-01-02T15:59:59Z', '2030-01-02T16:00:00Z', '2030-01-05T10:00:00Z'].map((time) => decided(office, time)), [false, true, true, false, false])
  t.strictSame(['2030-07-03T06:59:00Z', '2030-07-03T07:00:00Z'].map((time) => decided(office, time)), [false, true], 'in summer an hour earlier')
  const night = { from: '22:00', until: '06:00' }
  t.strictSame(['2030-01-02T21:59:00Z', '2030-01-02T22:00:00Z', '2030-01-02T05:59:00Z', '2030-01-02T06:00:00Z'].map((time) => decided(night, time)), [false, true, true, false])
  t.equal(decided({ from: '00:00', until: '24:00' }, '2030-01-02T00:00:00Z'), true)
})

t.test('windows bound sums and counts per wallet, destination and initiator, over several rules too', async (t) => {
  const windows = { ...allow, destinations: 'any', max_fee_total: '9', require: {}, windows: [{ per: 'wallet', seconds: 3_600, max_sum: '150', max_count: 3 }, { per: 'destination', seconds: 60, max_sum: '100' }] }
  const policy = compiled(windows)
  const transaction = asked([pay(alice, 60n)])
  const keys = windowKeysOf(policy, transaction)
  t.strictSame(keys, [`pay|wallet|3600|native|${wallet}`, `pay|wallet|3600|count|${wallet}`, `pay|destination|60|native|${alice}`])
  const used = (held: Record<string, bigint>) => (key: string): bigint => held[key] ?? 0n
  t.match(decide(policy, transaction, none), { allowed: true, factorKinds: [], requirements: { proof: undefined }, reservations: [{ key: keys[0], amount: 60n }, { key: keys[1], amount: 1n }, { key: keys[2], amount: 60n }] })
  t.match(decide(policy, transaction, used({ [keys[0] ?? '']: 90n })), { allowed: true })
  t.match(decide(policy, transaction, used({ [keys[0] ?? '']: 91n })), { allowed: false, detail: /"pay": its window of 150 wei in 3600 seconds per wallet has room for 59/ })
  t.match(decide(policy, transaction, used({ [keys[1] ?? '']: 3n })), { allowed: false, detail: /3 calls in 3600 seconds per wallet has room for 0/ })
  t.match(decide(policy, asked([pay(alice, 60n), pay(alice, 41n)]), none), { allowed: false })
  t.match(decide(policy, asked([pay(alice, 60n), pay(bob, 40n)]), none), { allowed: true })
  const entries = [60n, 1n, 60n].map((amount, index) => ({ key: keys[index] ?? '', bucket: 0, amount: amount.toString() }))
  t.match(decide(policy, transaction, useBeside(entries)), { allowed: true }, 'room that was reserved before')
  t.match(decide(policy, transaction, useBeside(entries.slice(0, 2))), { allowed: false, detail: /100 wei in 60 seconds per destination has room for 0/ }, 'of that window it reserved nothing')
  t.match(decide(compiled(windows, { ...allow, name: 'proved' }), transaction, useBeside([])), { allowed: true, rule: 'proved' }, 'what went another way is judged by that')
  t.ok(covers(entries, [{ key: keys[0] ?? '', seconds: 3_600, amount: 60n, limit: 150n }]))
  t.notOk(covers(entries, [{ key: keys[0] ?? '', seconds: 3_600, amount: 61n, limit: 150n }]))

  const limit = { name: 'all of it', effect: 'limit', windows: [{ per: 'initiator', seconds: 60, token, max_sum: '5' }] }
  const tokens = { ...allow, tokens: [{ token, max_amount: '10', allowances: true }] }
  const key = `all of it|initiator|60|${token}|${ada}`
  t.match(decide(compiled(tokens, limit), asked([move('transfer', token, alice, 3n), move('allow', token, alice, 2n)]), none), { allowed: true, reservations: [{ key, amount: 5n }] }, 'an allowance counts as spent')
  t.match(decide(compiled(tokens, limit), asked([move('transfer', token, alice, 3n)]), used({ [key]: 3n })), { allowed: false, rule: 'all of it', detail: /limits this transaction/ })
})

t.test('a document is refused with the place of each fault', async (t) => {
  const { require: _require, ...open } = allow
  const sum = { per: 'wallet', seconds: 60, max_sum: '1' }
  const window = { ...sum, max_count: 1 }
  for (const [rule, fault] of [
    [{ ...open, require: {} }, /rules\/0\/require must name shown_proof or approvals, or windows must bound the sum per wallet of coins/],
    [{ ...open, require: {}, windows: [{ ...window, per: 'initiator' }] }, /sum per wallet of coins/],
    [{ ...open, require: {}, windows: [{ per: 'wallet', seconds: 60, max_count: 1 }] }, /sum per wallet of coins/],
    [{ ...open, require: {}, windows: [window], tokens: [{ token, max_amount: '1' }] }, new RegExp(`sum per wallet of token ${token}`)],
    [{ ...open, max_value: '0', require: {} }, /approvals, or windows must bound the calls per wallet with max_count, and max_fee_total must bound the fee of each$/],
    [{ ...open, max_fee_total: '1', require: {}, windows: [sum] }, /approvals, or windows must bound the calls per wallet with max_count$/],
    [{ ...open, max_fee_total: '1', require: {}, windows: [sum, { per: 'initiator', seconds: 60, max_count: 1 }] }, /calls per wallet/],
    [{ ...open, require: {}, windows: [window] }, /approvals, or max_fee_total must bound the fee of each$/],
    [{ ...open, require: {}, windows: [window], methods: [{ signature: 'a()' }] }, /no window bounds what a method moves/],
    [{ ...open, require: { delay_seconds: 60 } }, /rules\/0\/require/],
    [{ ...allow, windows: [{ per: 'wallet', seconds: 60 }] }, /windows\/0 needs max_sum or max_count/],
    [{ ...allow, windows: [window, { ...window, max_sum: '2' }] }, /the same window twice/],
    [{ ...allow, windows: [{ ...window, max_sum: (2n ** 256n).toString() }] }, /windows\/0\/max_sum is above/],
    [{ ...allow, methods: [{ signature: 'a(uint)' }] }, /no type uint \(write uint256/],
    [{ ...allow, methods: [{ signature: 'a()', selector: '0x00000000' }] }, /selector is not the signature's/],
    [{ ...allow, methods: [{ signature: 'approve(address,uint256)' }] }, /moves tokens/],
    [{ ...allow, methods: [{ signature: 'a(string,int8)', arguments: [{ index: 0, in: ['1'] }] }] }, /arguments\/0 cannot be bounded/],
    [{ ...allow, methods: [{ signature: 'a(int8)', arguments: [{ index: 0, max: '1' }] }] }, /or a sign/],
    [{ ...allow, methods: [{ signature: 'a(uint8[2],uint8)', arguments: [{ index: 1, max: '1' }] }] }, /behind a fixed array/],
    [{ ...allow, methods: [{ signature: 'a((uint8),uint8)', arguments: [{ index: 1, max: '1' }] }] }, /tuple/],
    [{ ...allow, methods: [{ signature: 'a(address)', arguments: [{ index: 0, max: '1' }] }] }, /is a address: give in/],
    [{ ...allow, methods: [{ signature: 'a(address)', arguments: [{ index: 0, in: ['0x12'] }] }] }, /no address/],
    [{ ...allow, methods: [{ signature: 'a(bool)', arguments: [{ index: 0 }] }] }, /needs in, min or max/],
    [{ ...allow, methods: [{ signature: 'a(bool)', arguments: [{ index: 1, max: '1' }] }] }, /beyond the arguments/],
    [{ ...allow, hours: { from: '09:00', until: '09:00' } }, /same from and until/],
    [{ ...allow, hours: { from: '09:00', until: '10:00', zone: 'Mars/Base' } }, /no time zone/],
    [{ ...allow, tokens: [{ token, max_amount: '1' }, { token: token.toLowerCase(), max_amount: '2' }] }, /names a token twice/],
    [{ ...allow, require: { shown_proof: true, approvals: { least: 2, of: [ada] } } }, /least is more than there are/],
    [{ ...allow, require: { approvals: { least: 1, of: [ada] }, factor_kinds: ['email_code'] } }, /factor_kinds needs shown_proof/],
    [{ name: 'r', effect: 'require', require: {} }, /asks for nothing/],
    [{ name: 'l', effect: 'limit' }, /rules\/0/],
    [{ name: 'd', effect: 'deny', tokens: ['0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf'] }, /rules\/0\/tokens\/0 has a wrong checksum/],
    [{ name: 'x', effect: 'constructor' }, /effect must be allow, deny, require or limit/]
  ] as const) t.match(faultsOf(rule), fault, String(fault))

  t.equal(faultsOf({ ...open, destinations: 'any', max_fee_total: '1', require: {}, windows: [window] }), '')
  t.equal(faultsOf({ ...open, max_value: '0', max_fee_total: '1', require: {}, tokens: [{ token, max_amount: '1' }], windows: [{ ...window, token: token.toLowerCase() }] }), '', 'the spelling of an address makes no difference')
  t.equal(faultsOf({ ...open, require: { approvals: { least: 1, of: [bo] } }, methods: [{ signature: 'a(string,(uint8,bool)[],bytes)' }] }), '')
  const { document } = validatePolicy({ rules: [{ ...allow, methods: [{ signature: 'withdraw(uint256)' }] }] }, checksummed)
  t.match(document, { rules: [{ methods: [{ selector: selectorOf('withdraw(uint256)') }] }] })
  t.equal(selectorOf('transfer(address,uint256)'), '0xa9059cbb')
})

t.test('the example of the README is a policy, and says what the README says of it', async (t) => {
  const text = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8')
  const example = /```json\n(\{ "rules"[\s\S]*?)```/.exec(text)?.[1] ?? ''
  const policy = compilePolicy(validatePolicy(JSON.parse(example), checksummed).document)
  const walletId = 'wal_01KGC3EG00Q5HS41TJ11YKNEMJ'
  const decided = (calls: ParsedCall[]) => decide(policy, asked(calls, { walletId, at: new Date('2030-01-02T12:00:00Z') }), none)
  t.match(decided([pay(alice, 10n ** 16n)]), { allowed: true, rule: 'small change', factorKinds: [], requirements: { proof: undefined } })
  t.match(decided([pay(alice, 10n ** 17n)]), { allowed: false, rule: 'default', detail: /"small change": the value is above max_value/ })
  t.match(decided([pay(checksummed('0x00000000000000000000000000000000deadbeef') ?? '', 1n)]), { allowed: false, rule: 'sanctioned' })
  const usdc = (amount: bigint) => move('transfer', '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC', amount)
  t.match(decided([usdc(10n ** 10n)]), { allowed: true, rule: 'payroll in USDC', requirements: { proof: { leastAgeSeconds: 172_800 }, approvals: [], delaySeconds: 0 } })
  t.match(decided([usdc(10n ** 10n + 1n)]), { allowed: true, requirements: { approvals: [{ least: 2 }], delaySeconds: 3_600 } })
})

t.test('10,000 random policies and transactions get the answer of the slow and obvious reference', async (t) => {
  const pick = <T>(...values: T[]) => fc.constantFrom(...values)
  const maybe = <T>(arbitrary: fc.Arbitrary<T>, often = 3) => fc.option(arbitrary, { nil: undefined, freq: often })
  const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
  const amount = fc.integer({ min: 0, max: 12 }).map(String)
  const method = 'withdraw(address,uint256)'
  const selector = selectorOf(method)
  const window = fc.record({ per: pick('wallet', 'destination', 'initiator'), seconds: pick(60, 3_600), token: maybe(pick(token, otherToken), 1), max_sum: amount, max_count: maybe(fc.integer({ min: 1, max: 4 }), 1) }, { requiredKeys: ['per', 'seconds', 'max_sum'] })
  const windows = fc.uniqueArray(window, { minLength: 1, maxLength: 2, selector: ({ per, seconds }) => `${per}${seconds}` })
  const conditions = {
    initiators: maybe(some([ada, bo]), 1), chain_ids: maybe(some([1, 5]), 1),
    hours: maybe(fc.record({ from: pick('06:00', '12:30', '22:00'), until: pick('05:00', '12:00', '24:00'), days: maybe(some([1, 3, 7]), 1) }, { requiredKeys: ['from', 'until'] }), 1)
  }
  const narrowing = {
    ...conditions, wallets: maybe(some([wallet, otherWallet]), 1), destinations: maybe(some([alice, bob, vault]), 1), tokens: maybe(some([token, otherToken]), 1), methods: maybe(fc.constant([selector]), 1),
    above: maybe(fc.array(fc.record({ token: maybe(pick(token), 1), amount }, { requiredKeys: ['amount'] }), { minLength: 1, maxLength: 2 }), 1)
  }
  const require = fc.record({
    shown_proof: fc.constant(true), least_factor_age_seconds: maybe(pick(5, 10), 1), delay_seconds: maybe(pick(7, 9), 1),
    unshown: maybe(fc.record({ factor_kinds: some(['totp', 'passkey', 'recovery_codes']), max_value: amount, tokens: maybe(fc.constant([{ token, max_amount: '6' }])) }, { requiredKeys: ['factor_kinds', 'max_value'] }), 1),
    approvals: maybe(fc.record({ least: fc.integer({ min: 1, max: 2 }), of: pick([ada, bo], [bo, cy], [bo, cy, dan]) }), 1)
  }, { requiredKeys: ['shown_proof'] })
  const allowing = fc.record({
    effect: fc.constant('allow'), ...conditions, wallets: some([wallet, otherWallet]), destinations: fc.oneof(fc.constant('any'), some([alice, bob, vault])), max_value: amount, max_fee_total: maybe(amount, 1), require,
    tokens: maybe(pick([{ token, max_amount: '8', allowances: true }], [{ token, max_amount: '4' }, { token: otherToken, max_amount: '9' }])),
    methods: maybe(fc.array(fc.record({ signature: fc.constant(method), arguments: fc.array(pick<object>({ index: 0, in: [alice, bob] }, { index: 1, max: '6' }, { index: 1, min: '2', in: ['2', '3', '0x5'] }), { minLength: 1, maxLength: 2 }) }, { requiredKeys: ['signature'] }), { minLength: 1, maxLength: 2 })),
    windows: maybe(windows, 1)
  }, { requiredKeys: ['effect', 'wallets', 'destinations', 'max_value', 'require'] })
  const rule = fc.oneof({ weight: 6, arbitrary: allowing as fc.Arbitrary<object> },
    { weight: 1, arbitrary: fc.record({ effect: fc.constant('deny'), ...narrowing, above: fc.constant([{ amount: '6' }]) }, { requiredKeys: ['effect', 'above'] }) },
    { weight: 2, arbitrary: fc.record({ effect: fc.constant('require'), ...narrowing, require }, { requiredKeys: ['effect', 'require'] }) },
    { weight: 1, arbitrary: fc.record({ effect: fc.constant('limit'), ...narrowing, windows }, { requiredKeys: ['effect', 'windows'] }) })
  const clean = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  const small = fc.integer({ min: 0, max: 8 }).map(BigInt)
  const oneCall = fc.oneof(
    fc.tuple(pick(alice, bob, vault), small).map(([to, value]) => pay(to, value)),
    fc.tuple(pick<'transfer' | 'allow'>('transfer', 'allow'), pick(token, otherToken), pick(alice, bob), small, pick(0n, 0n, 0n, 1n)).map(([kind, of, to, much, value]) => move(kind, of, to, much, value)),
    fc.tuple(pick(vault, alice), pick(alice, bob, vault), small, pick(0n, 3n), pick(2_000, 2_000, 100)).map(([to, who, much, value, length]) =>
      call(to, `${selector}${who.slice(2).toLowerCase().padStart(64, '0')}${much.toString(16).padStart(64, '0')}`.slice(0, length) as Hex, value))
  )
  const transaction = fc.record({
    initiator: pick(ada, bo), walletId: pick(wallet, otherWallet), chainId: pick(1, 5), calls: fc.array(oneCall, { minLength: 1, maxLength: 4 }),
    at: fc.integer({ min: 0, max: 7 * 1_440 }).map((minutes) => new Date(Date.UTC(2030, 0, 1) + minutes * 60_000)), maxFeeTotal: maybe(small, 1)
  }, { requiredKeys: ['initiator', 'walletId', 'chainId', 'calls', 'at'] })

  const seen = { allowed: 0, denied: 0, limited: 0 }
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), transaction, fc.integer({ min: 0, max: 9 }), (rules, tx, held) => {
    const document = validatePolicy({ rules: rules.map((one, index) => ({ name: `r${index}`, ...clean(one) as object })) }, checksummed).document as PolicyDocument
    const used = (key: string): bigint => BigInt((key.length + held) % 5)
    const policy = compilePolicy(document)
    const expected = referenceDecision(document, tx as JudgedTransaction, used)
    const decision = decide(policy, tx as JudgedTransaction, used)
    const found = decision.allowed
      ? {
        allowed: true,
        rule: decision.rule,
        shownKinds: [...decision.requirements.proof?.shownKinds ?? []].sort(),
        unshownKinds: [...decision.requirements.proof?.unshownKinds ?? []].sort(),
        approvals: decision.requirements.approvals.map(({ least, of }) => `${least} of ${of.join()}`).sort(),
        delay: decision.requirements.delaySeconds,
        age: decision.requirements.proof?.leastAgeSeconds ?? 0,
        taken: Object.fromEntries(decision.reservations.map(({ key, amount: taken }) => [key, taken]))
      }
      : { allowed: false, rule: decision.rule }
    seen[decision.allowed ? 'allowed' : decision.rule === 'default' ? 'denied' : 'limited']++
    const text = (value: unknown): string => JSON.stringify(value, (_key, item: unknown) => typeof item === 'bigint' ? String(item) : item)
    const sorted = (verdict: typeof expected) => ({ ...verdict, ...verdict.taken && { taken: Object.fromEntries(Object.entries(verdict.taken).sort()) } })
    if (text(sorted(found)) !== text(sorted(expected))) throw new Error(`${text(found)} is not ${text(expected)}`)
    const keys = new Set(windowKeysOf(policy, tx as JudgedTransaction))
    if (decision.allowed && decision.reservations.some(({ key }) => !keys.has(key))) throw new Error('a window was not read first')
  }), { numRuns: 10_000 })
  t.comment(`${seen.allowed} allowed, ${seen.denied} denied by default, ${seen.limited} denied by a rule`)
  t.ok(Object.values(seen).every((count) => count > 300), 'each kind of answer was met often')
})
