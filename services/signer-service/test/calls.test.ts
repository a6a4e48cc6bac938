/** What a transaction does is read from its bytes exactly, or not at all. */
import t from 'tap'
import fc from 'fast-check'
import { encodeFunctionData, encodeFunctionResult, parseAbi, toEventSelector, toFunctionSelector, type Hex } from 'viem'
import type { Call, ParsedCall } from '../src/calls/call.ts'
import { erc20Selectors, transferData } from '../src/calls/erc20.ts'
import { batchOf, partsOf, usualMulticall3 } from '../src/calls/multicall3.ts'
import { isUnreadableBatch, parseCalls } from '../src/calls/parse-calls.ts'
import { contractsIn } from '../src/calls/contracts-in.ts'
import { tokenThatRefuses, tokenWithoutLog } from '../src/calls/token-answers.ts'
import { checksummed } from '../src/chain/address.ts'

const erc20 = parseAbi([
  'function transfer(address to, uint256 amount)', 'function transferFrom(address from, address to, uint256 amount)',
  'function approve(address spender, uint256 amount)', 'function increaseAllowance(address spender, uint256 amount)', 'function decreaseAllowance(address spender, uint256 amount)'
])
const multicall = parseAbi([
  'function aggregate3((address target, bool allowFailure, bytes callData)[] calls) payable',
  'function aggregate3Value((address target, bool allowFailure, uint256 value, bytes callData)[] calls) payable',
  'function aggregate((address target, bytes callData)[] calls) payable'
])

const addressOf = (digits: string): Hex => checksummed(`0x${digits}`) ?? '0x'
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => addressOf(Buffer.from(bytes).toString('hex')))
const amount = fc.bigInt(0n, 2n ** 256n - 1n)
const bytes = fc.uint8Array({ maxLength: 80 }).map((some): Hex => `0x${Buffer.from(some).toString('hex')}`)
const wallet = addressOf('7e5f4552091a69125d5dfcb7b8c2659029395bdf')
const token = addressOf('2b5ad5c4795c026514f8317c7a215e218dccd6cf')
const bob = addressOf('6813eb9362372eef6200f3b1dbc3f819671cba69')
const facts = { from: wallet, multicall3: usualMulticall3 }
const ofToken = (data: Hex): Call => ({ to: token, value: 0n, data })
const only = (calls: readonly ParsedCall[]): ParsedCall => {
  if (calls.length !== 1 || calls[0] === undefined) throw new Error(`${calls.length} calls`)
  return calls[0]
}
/** What a policy looks at. */
const effectOf = (calls: readonly ParsedCall[]): string =>
  JSON.stringify(calls.map(({ to, value, selector, movement }) => [to, value.toString(), selector, movement === null ? null : { ...movement, amount: movement.amount.toString() }]))
const flipped = (data: Hex, at: number, mask: number): Hex => {
  const all = Buffer.from(data.slice(2), 'hex')
  all[at % all.length] = (all[at % all.length] ?? 0) ^ mask
  return `0x${all.toString('hex')}`
}

t.test('the selectors are those of the signatures', async (t) => {
  for (const one of erc20) if (one.name in erc20Selectors) t.equal(erc20Selectors[one.name as keyof typeof erc20Selectors], toFunctionSelector(one))
})

t.test('what was built reads back as what it was built from', async () => {
  fc.assert(fc.property(address, address, amount, amount, bytes, (to, other, many, value, data) => {
    const reads = (functionName: 'transfer' | 'approve' | 'increaseAllowance', kind: 'transfer' | 'allow'): boolean => {
      const call = only(parseCalls(ofToken(encodeFunctionData({ abi: erc20, functionName, args: [to, many] })), facts))
      return JSON.stringify({ ...call.movement, amount: call.movement?.amount.toString() }) === JSON.stringify({ kind, token, destination: to, amount: many.toString() })
    }
    const from = only(parseCalls(ofToken(encodeFunctionData({ abi: erc20, functionName: 'transferFrom', args: [wallet, to, many] })), facts))
    const coins = only(parseCalls({ to, value, data: '0x' }, facts))
    const unknown = only(parseCalls({ to, value, data }, facts))
    return reads('transfer', 'transfer') && reads('approve', 'allow') && reads('increaseAllowance', 'allow') &&
      transferData(to, many) === encodeFunctionData({ abi: erc20, functionName: 'transfer', args: [to, many] }) &&
      from.movement?.destination === to && from.movement.amount === many &&
      coins.selector === null && coins.movement === null && unknown.movement === null && (unknown.selector === null) === (data === '0x') && other !== undefined
  }), { numRuns: 200 })
})

t.test('a flipped bit never reads as the same amount to the same destination', async () => {
  fc.assert(fc.property(address, amount, fc.nat(), fc.integer({ min: 1, max: 255 }), (to, many, at, mask) => {
    const data = transferData(to, many)
    return effectOf(parseCalls(ofToken(data), facts)) !== effectOf(parseCalls(ofToken(flipped(data, at, mask)), facts))
  }), { numRuns: 500 })

  const part = fc.record({ to: address, value: fc.bigInt(0n, 2n ** 128n), data: fc.oneof(fc.constant('0x' as const), bytes, fc.tuple(address, amount).map(([to, many]) => transferData(to, many))) })
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (calls, at, mask) => {
    const batch = batchOf(calls, usualMulticall3)
    const whole = JSON.stringify(parseCalls(batch, facts).map(({ to, value, data }) => [to, value.toString(), data])) === JSON.stringify(calls.map(({ to, value, data }) => [to, value.toString(), data]))
    const other = { ...batch, data: flipped(batch.data, at, mask) }
    const same = JSON.stringify(parseCalls(other, facts), text) === JSON.stringify(parseCalls(batch, facts), text)
    return whole && !isUnreadableBatch(batch, facts) && !same
  }), { numRuns: 300 })
})

t.test('what is not exactly one of the known forms is a call without movement', async (t) => {
  const exact = transferData(bob, 5n)
  const dirty = `${exact.slice(0, 10)}01${exact.slice(12)}` as const
  for (const data of [`${exact}00`, `${exact}${'0'.repeat(64)}`, exact.slice(0, -2), exact.slice(0, 10), exact.slice(0, 8), dirty, encodeFunctionData({ abi: erc20, functionName: 'decreaseAllowance', args: [bob, 5n] })]) {
    const call = only(parseCalls(ofToken(data as Hex), facts))
    t.equal(call.movement, null)
    t.not(call.selector, null)
  }
  const others = encodeFunctionData({ abi: erc20, functionName: 'transferFrom', args: [bob, wallet, 5n] })
  t.equal(only(parseCalls(ofToken(others), facts)).movement, null, 'the tokens of somebody else are none of the wallet\'s')
})

t.test('a token did what it was asked when it answers true or nothing, and logs it', async (t) => {
  const word = (digits: string): Hex => `0x${digits.padStart(64, '0')}`
  const yes = word('1')
  const call = ofToken(transferData(bob, 5n))
  const parts = parseCalls(call, facts)
  for (const answer of ['0x', yes, `${yes}${'0'.repeat(64)}`]) t.equal(tokenThatRefuses(call, parts, answer), undefined, answer)
  for (const answer of [word('0'), word('2'), '0x01', '0x00', `${yes}00`]) t.equal(tokenThatRefuses(call, parts, answer), token, answer)

  const results = parseAbi(['function aggregate3Value((address target, bool allowFailure, uint256 value, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])'])
  const answers = (...all: Hex[]): Hex => encodeFunctionResult({ abi: results, functionName: 'aggregate3Value', result: all.map((returnData) => ({ success: true, returnData })) })
  const taking = ofToken(encodeFunctionData({ abi: erc20, functionName: 'transferFrom', args: [wallet, bob, 5n] }))
  const batch = batchOf([{ to: bob, value: 3n, data: '0x' }, taking], usualMulticall3)
  const inBatch = parseCalls(batch, facts)
  t.equal(tokenThatRefuses(batch, inBatch, answers('0x', yes)), undefined)
  t.equal(tokenThatRefuses(batch, inBatch, answers(word('0'), '0x')), undefined, 'what is no token\'s may answer as it likes')
  for (const answer of [answers('0x', word('0')), answers('0x'), '0x', '0x1234']) t.equal(tokenThatRefuses(batch, inBatch, answer), token)
  t.strictSame(contractsIn(batch, inBatch).map(({ address, part }) => [address, part]), [[usualMulticall3, -1], [token, 1]])
  t.strictSame(contractsIn(call, parts).map(({ address, part }) => [address, part]), [[token, 0]])

  const transfer = toEventSelector('Transfer(address,address,uint256)')
  const log = (address: string, ...topics: string[]) => ({ address: address.toLowerCase(), topics, data: word('5') })
  const [from, to] = [word(wallet.slice(2).toLowerCase()), word(bob.slice(2).toLowerCase())]
  const noise = [log(bob, transfer, from, to), log(token, transfer, to, from), log(token, toEventSelector('Approval(address,address,uint256)'), from, to), null, {}, { address: 7, topics: [] }, { address: token, topics: 'no' }]
  for (const logs of [[log(token, transfer, from, to)], [...noise, log(token, transfer, from, to)], [log(token, transfer)]]) t.equal(tokenWithoutLog(parts, wallet, logs), undefined)
  t.equal(tokenWithoutLog(parts, wallet, noise), token)
  t.equal(tokenWithoutLog(parts, wallet, []), token)
  const allowing = parseCalls(ofToken(encodeFunctionData({ abi: erc20, functionName: 'approve', args: [bob, 5n] })), facts)
  t.equal(tokenWithoutLog(allowing, wallet, noise), undefined)
  t.equal(tokenWithoutLog(allowing, wallet, [log(token, transfer, from, to)]), token)
  t.equal(tokenWithoutLog(parseCalls({ to: bob, value: 1n, data: '0x' }, facts), wallet, []), undefined)
})

t.test('a batch is unfolded only when it is exact, whole and flat', async (t) => {
  const parts: Call[] = [{ to: bob, value: 3n, data: '0x' }, { to: token, value: 0n, data: transferData(bob, 5n) }]
  const batch = batchOf(parts, usualMulticall3)
  t.equal(batch.value, 3n)
  t.strictSame(partsOf(batch), parts)
  t.strictSame(parseCalls(batch, facts).map(({ movement, selector }) => [movement, selector]), [[null, null], [null, erc20Selectors.transfer]], 'the token sees Multicall3 as its caller: nothing of the wallet\'s moves')
  const taking = encodeFunctionData({ abi: erc20, functionName: 'transferFrom', args: [wallet, bob, 5n] })
  t.match(parseCalls(batchOf([ofToken(taking)], usualMulticall3), facts), [{ movement: { kind: 'transfer', destination: bob, amount: 5n } }], 'but an allowance of the wallet\'s is used in whoever\'s name')

  const plain = encodeFunctionData({ abi: multicall, functionName: 'aggregate3', args: [[{ target: token, allowFailure: false, callData: '0x12345678' }]] })
  t.strictSame(parseCalls({ to: usualMulticall3, value: 0n, data: plain }, facts), [{ to: token, value: 0n, data: '0x12345678', selector: '0x12345678', movement: null }])
  t.strictSame(parseCalls(batch, { ...facts, multicall3: undefined }).map(({ to }) => to), [usualMulticall3], 'without a Multicall3 in the configuration it is a contract like any other')

  const call3 = (target: Hex, allowFailure: boolean, value: bigint, callData: Hex) => ({ target, allowFailure, value, callData })
  const value3 = (calls: readonly ReturnType<typeof call3>[]): Hex => encodeFunctionData({ abi: multicall, functionName: 'aggregate3Value', args: [calls] })
  const unreadable: Call[] = [
    { ...batch, value: 4n },
    { ...batch, data: `${batch.data}00` },
    { ...batch, data: `${batch.data}${'0'.repeat(64)}` },
    { ...batch, value: 0n, data: value3([]) },
    { ...batch, value: 1n, data: value3([call3(bob, true, 1n, '0x')]) },
    { ...batch, data: value3([call3(usualMulticall3, false, 3n, batch.data)]) },
    { ...batch, value: 0n, data: encodeFunctionData({ abi: multicall, functionName: 'aggregate', args: [[{ target: token, callData: '0x12345678' }]] }) },
    { ...batch, value: 51n, data: value3(Array.from({ length: 51 }, () => call3(bob, false, 1n, '0x'))) },
    { ...batch, data: '0x00' }
  ]
  for (const call of unreadable) {
    t.equal(isUnreadableBatch(call, facts), true)
    t.match(parseCalls(call, facts), [{ to: usualMulticall3, movement: null, selector: call.data.slice(0, 10) }])
  }
  t.equal(isUnreadableBatch({ to: usualMulticall3, value: 1n, data: '0x' }, facts), false)
})

const text = (_key: string, item: unknown): unknown => typeof item === 'bigint' ? item.toString() : item
