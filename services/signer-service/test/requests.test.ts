/** From a request to the one call that is signed, and to the words that a person confirms: pure, without any server. */
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { encodeErrorResult, encodeFunctionData, keccak256, parseAbi, type Hex } from 'viem'
import { problems, TransactionRequest, type AbiFragment } from '@countersign/contracts'
import { Value } from 'typebox/value'
import { encodeCall, readCall } from '../src/calls/abi-arguments.ts'
import { abiFunctionOf } from '../src/calls/abi-signature.ts'
import { transferData } from '../src/calls/erc20.ts'
import { usualMulticall3 } from '../src/calls/multicall3.ts'
import { revertInWords, revertOf } from '../src/calls/revert.ts'
import { parseCalls } from '../src/calls/parse-calls.ts'
import { checksummed, zeroAddress } from '../src/chain/address.ts'
import { dataHash } from '../src/chain/intent-digest.ts'
import { confirmationText, inUnits, type ConfirmedAction } from '../src/transactions/confirmation-text.ts'
import { fingerprintOf, normaliseRequest, refuseSenseless } from '../src/transactions/normalise-request.ts'

const alice = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
const bob = '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF'
const token = '0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69'
const base = { wallet_id: 'wal_01JD00000000000000000000A1', chain_id: 31_337 }
const rules = { checksummed, zeroAddress, multicall3: (chainId: number) => chainId === 31_337 ? usualMulticall3 : undefined }
const normal = (fields: object) => normaliseRequest({ ...base, ...fields }, rules)
const refused = (t: Pick<Test, 'throws'>, work: () => unknown, path: string, message?: RegExp): void => {
  t.throws(work, { kind: problems.schemaViolation, extensions: { faults: [{ path, ...message && { message } }] } } as unknown as Error, path)
}
const abi = parseAbi(['function mint(address to, uint256 amount)', 'function approve(address spender, uint256 amount)'])

t.test('coins are normalised, or refused with the field that is wrong', async (t) => {
  const given = { to: alice, value: '5' }
  t.match(normal(given), { kind: 'native', call: { to: alice, value: 5n, data: '0x' }, speed: 'average', priority: 0, metadata: {} })
  for (const spelling of [alice.toLowerCase(), `0x${alice.slice(2).toUpperCase()}`]) t.equal(fingerprintOf(normal({ ...given, to: spelling })), fingerprintOf(normal(given)), 'the spelling of an address makes no other request')
  t.equal(fingerprintOf(normal(given)), fingerprintOf(normal({ ...given, speed: 'average', priority: 0, metadata: {} })), 'what is said and what is left out are the same request')

  refused(t, () => normal({ ...given, to: alice.replace('7E5F', '7e5F') }), 'body/to')
  refused(t, () => normal({ ...given, to: zeroAddress }), 'body/to')
  refused(t, () => normal({ ...given, value: '9'.repeat(78) }), 'body/value')
  refused(t, () => normal({ to: alice }), 'body/value')
  refused(t, () => normal({ value: '5' }), 'body/to')
  refused(t, () => normal({ ...given, amount: '5' }), 'body/amount')
  refused(t, () => { refuseSenseless(normal(given), alice, rules) }, 'body/to', /itself/)
  refuseSenseless(normal(given), bob, rules)
})

t.test('the fingerprint covers everything that was asked', async (t) => {
  const given = { to: alice, value: '5' }
  const others = [
    {}, { value: '6' }, { to: bob }, { chain_id: 1 }, { wallet_id: 'wal_01JD00000000000000000000A2' }, { data: '0x12345678' }, { data: '0x12345679' }, { speed: 'fast' }, { priority: 1 },
    { max_fee: '1' }, { valid_until: '2030-01-01T00:00:00Z' }, { metadata: { a: 'b' } }, { metadata: { a: 'c' } }
  ]
  t.equal(new Set(others.map((other) => fingerprintOf(normal({ ...given, ...other })))).size, others.length)
  t.equal(fingerprintOf(normal({ ...given, metadata: { a: '1', b: '2' } })), fingerprintOf(normal({ ...given, metadata: { b: '2', a: '1' } })))
  const minted = { to: token, abi: 'mint(address to, uint256 amount)', args: [bob, '5'] }
  t.equal(fingerprintOf(normal(minted)), fingerprintOf(normal({ to: token, data: encodeFunctionData({ abi, functionName: 'mint', args: [bob, 5n] }) })), 'a call is its bytes, however it was written')
})

t.test('a token, a call and a batch become bytes', async (t) => {
  t.match(normal({ token, to: bob, amount: '5' }), { kind: 'token', call: { to: token, value: 0n, data: transferData(bob, 5n) } })
  t.match(normal({ to: token, data: '0x12345678', value: '7' }), { kind: 'call', call: { to: token, value: 7n, data: '0x12345678' } })
  const minted = encodeFunctionData({ abi, functionName: 'mint', args: [bob, 5n] })
  const named = normal({ to: token, abi: 'function mint(address to, uint256 amount) external returns (bool)', args: [bob.toLowerCase(), 5] })
  t.equal(named.call.data, minted)
  t.strictSame([...named.methods], [[0, { signature: 'mint(address,uint256)', args: [bob, '5'] }]])
  t.strictSame([...normal({ to: token, abi: { type: 'function', name: 'mint', inputs: [{ type: 'address' }, { type: 'uint', name: 'x' }] }, data: minted.toUpperCase().replace('0X', '0x') }).methods], [...named.methods])

  const withErrors = { to: token, abi: ['error Frozen(address who)', 'mint(address,uint256)', { type: 'error', name: 'Over', inputs: [{ type: 'uint' }] }], args: [bob, '5'] }
  t.match(normal(withErrors), { call: { data: minted }, errors: ['Frozen(address)', 'Over(uint256)'] })
  t.equal(Value.Check(TransactionRequest, { ...base, ...withErrors }), true)
  t.equal(fingerprintOf(normal(withErrors)), fingerprintOf(normal({ ...withErrors, abi: 'mint(address,uint256)' })), 'what it may revert with is no part of what is asked')
  t.match(normal({ calls: [withErrors, withErrors] }).errors, ['Frozen(address)', 'Over(uint256)'])

  const batch = normal({ calls: [{ to: bob, value: '3' }, { to: token, abi: 'mint(address,uint256)', args: [bob, '5'] }] })
  t.match(batch, { kind: 'batch', call: { to: usualMulticall3, value: 3n } })
  t.match(parseCalls(batch.call, { from: alice, multicall3: usualMulticall3 }), [{ to: bob, value: 3n, data: '0x' }, { to: token, value: 0n, data: minted }])
  t.strictSame([...batch.methods.keys()], [1])

  for (const [fields, path] of [
    [{ token, to: bob }, 'body/amount'], [{ token, to: bob, amount: '5', value: '1' }, 'body/value'], [{ token, amount: '5' }, 'body/to'], [{ to: token, data: '0x1234' }, 'body/data'],
    [{ to: token, abi: ['error A()'] }, 'body/abi'], [{ to: token, abi: ['f()', 'g()'] }, 'body/abi'], [{ to: token, abi: ['f()', 'error A(nothing)'] }, 'body/abi'], [{ to: token, abi: 'error A()' }, 'body/abi'],
    [{ to: token, args: [] }, 'body/abi'], [{ to: token, abi: 'mint(address' }, 'body/abi'], [{ to: token, abi: 'mint(address,uint7)', args: [] }, 'body/abi'],
    [{ to: token, abi: 'mint(address,uint256)', args: [bob] }, 'body/args'], [{ to: token, abi: 'mint(address,uint256)', args: [bob, '-1'] }, 'body/args/1'],
    [{ to: token, abi: 'mint(address,uint256)', args: [bob.replace('2B5A', '2b5A'), '1'] }, 'body/args/0'], [{ to: token, abi: 'mint(address,uint256)', data: '0x12345678' }, 'body/data'],
    [{ to: token, abi: 'mint(address,uint256)', data: `${minted}00` }, 'body/data'], [{ to: token, abi: 'mint(address,uint256)', data: minted, args: [] }, 'body/args'],
    [{ calls: [{ to: bob, value: '1' }], to: bob }, 'body/to'], [{ calls: [{ token, to: bob, amount: '1' }] }, 'body/calls/0/token'], [{ calls: [{ to: usualMulticall3, data: '0x12345678' }] }, 'body/calls/0/to'],
    [{ calls: [{ to: bob, value: '1' }], chain_id: 1 }, 'body/calls'], [{ calls: [{ to: bob }] }, 'body/calls/0/value'], [{ to: usualMulticall3, data: '0x82ad56cb' }, 'body/data']
  ] as const) refused(t, () => normal(fields), path)

  refused(t, () => { refuseSenseless(normal({ to: token, data: encodeFunctionData({ abi, functionName: 'approve', args: [usualMulticall3, 5n] }) }), alice, rules) }, 'body/to', /everybody/)
  refused(t, () => { refuseSenseless(normal({ token, to: alice, amount: '1' }), alice, rules) }, 'body/to', /itself/)
  refused(t, () => { refuseSenseless(batch, bob, rules) }, 'body/calls/0/to', /itself/)
  for (const example of (TransactionRequest as unknown as { examples: object[] }).examples) {
    t.equal(Value.Check(TransactionRequest, example), true)
    normaliseRequest(example as never, { ...rules, multicall3: () => usualMulticall3 })
  }
  for (const extra of [{ metadata: { 'a.b': 'c' } }, { metadata: { a: 1 } }, { metadata: Object.fromEntries(Array.from({ length: 17 }, (_none, index) => [`k${index}`, ''])) }, { speed: 'warp' }, { priority: 10 }, { data: '0x123' }, { calls: [] }, { nonce: 1 }]) {
    t.equal(Value.Check(TransactionRequest, { ...base, to: bob, value: '1', ...extra }), false, JSON.stringify(extra).slice(0, 40))
  }
})

t.test('a function is read as its ABI means it, and its arguments go to bytes and back', async (t) => {
  const signature = (fragment: AbiFragment) => abiFunctionOf(fragment)?.signature
  for (const [line, canonical] of [
    ['f()', 'f()'], ['swap((address,uint24)[],bytes)', 'swap((address,uint24)[],bytes)'], ['$a_1(tuple(bool) calldata x)', '$a_1((bool))'],
    ['function f(uint a, int8[] memory b, (address x, bytes32[2] y)[3] z) payable returns (uint256, (bool,string) x)', 'f(uint256,int8[],(address,bytes32[2])[3])']
  ] as const) t.equal(signature(line), canonical)
  for (const line of ['f', 'f(', 'f)', 'f(uint256', 'f(uint256,)', 'f(,)', 'f(uint256) suicidal', 'f(uint256 a b)', 'f(mapping)', 'f(uint256[)', 'f(()', '1f()', 'f(uint256)g()', `f(${'('.repeat(20)}${')'.repeat(20)})`]) t.equal(signature(line), undefined, line)

  const method = abiFunctionOf('f(uint256,int16,bool,string,bytes,bytes4,address[],(uint8,string)[1])')
  if (method === undefined) throw new Error('not read')
  const text = 'line one\nTo: 0x\u202eevil "quoted"'
  const data = encodeCall(method, ['1', -2, true, text, '0xAB', '0x01020304', [alice, bob], [[7, 'x']]])
  t.strictSame(readCall(method, data), ['1', '-2', 'true', '"line one\\nTo: 0x\\u{202e}evil \\"quoted\\""', '0xab', '0x01020304', `[${alice}, ${bob}]`, '[(7, "x")]'])
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => {
    const one = abiFunctionOf('f(string)')
    const [shown = ''] = one === undefined ? [] : readCall(one, encodeCall(one, [any])) ?? []
    return /^[ -~]+$/.test(shown)
  }))
})

t.test('the reason of a revert is read from its bytes, in words that nobody can write lines of their own into', async (t) => {
  const inWords = (data: Hex, errors: string[] = []): string => revertInWords(revertOf(data, errors))
  const errorAbi = parseAbi(['error Error(string reason)', 'error Panic(uint256 code)', 'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)', 'error Frozen(address who)'])
  const encoded = (errorName: 'Error' | 'Panic' | 'ERC20InsufficientBalance' | 'Frozen', args: unknown[]): Hex => encodeErrorResult({ abi: errorAbi, errorName, args } as never)
  t.equal(inWords(encoded('Error', ['no\nTo: \u202e0x'])), '"no\\nTo: \\u{202e}0x"')
  for (const [code, words] of [[1n, /assertion/], [0x11n, /underflows/], [0x12n, /division/], [0x32n, /index/], [0x77n, /unknown meaning/]] as const) t.match(inWords(encoded('Panic', [code])), words)
  t.equal(inWords(encoded('ERC20InsufficientBalance', [alice, 4n, 5n])), `ERC20InsufficientBalance(${alice}, 4, 5)`)
  const frozen = encoded('Frozen', [bob])
  t.equal(inWords(frozen), `an error that nothing names, ${frozen.slice(0, 10)}`)
  t.equal(inWords(frozen, ['Other()', 'Frozen(address)']), `Frozen(${bob})`)
  t.match(inWords(`${frozen}00`, ['Frozen(address)']), /nothing names/, 'bytes to spare')
  t.equal(inWords('0x'), 'the contract gives no reason')
  t.equal(revertOf(`0x${'ab'.repeat(9_000)}`, []).data.length, 2 + 2 * 512)
  t.ok(inWords(encoded('Error', ['x'.repeat(9_000)])).length < 400)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', '08c379a0', '4e487b71'), (bytes, selector) => /^[ -~]+$/.test(inWords(`0x${selector}${Buffer.from(bytes).toString('hex')}`))))
})

t.test('what is confirmed says what happens, in words', async (t) => {
  t.strictSame([0n, 1n, 250_000_000_000_000_000n, 10n ** 18n, 123_456_789n * 10n ** 18n + 10n ** 15n].map((wei) => inUnits(wei, 18)), ['0', '0.000000000000000001', '0.25', '1', '123456789.001'])
  t.strictSame([inUnits(12n, 0), inUnits(1_234_567n, 6)], ['12', '1.234567'])

  const textOf = (fields: object, change: Partial<ConfirmedAction> = {}): string[] => {
    const { kind, call, methods } = normal(fields)
    return confirmationText({
      txId: 'tx_01JD00000000000000000000A1', initiator: 'usr_01JD00000000000000000000B2', walletName: 'payroll', from: alice, kind, methods, calls: parseCalls(call, { from: alice, multicall3: usualMulticall3 }),
      chainId: 1, symbol: 'ETH', tokens: [{ address: token, symbol: 'USDC', decimals: 6 }], maxFeeTotal: 10_000_000_000_000_000n, validUntil: new Date('2030-01-02T03:04:05.000Z'), hashOf: dataHash, ...change
    }).split('\n')
  }
  const end = [
    `From: wallet payroll (${alice})`, 'Chain: 1', 'Network fee: at most 0.01 ETH (10000000000000000 wei)', 'Asked by: usr_01JD00000000000000000000B2', 'Transaction: tx_01JD00000000000000000000A1', 'Valid until: 2030-01-02T03:04:05Z'
  ]
  t.strictSame(textOf({ to: bob, value: '250000000000000000' }), ['Send 0.25 ETH (250000000000000000 wei)', `To: ${bob}`, ...end])
  t.strictSame(textOf({ token, to: bob, amount: '12500000' }), [`Send 12.5 USDC (12500000 units of ${token})`, `To: ${bob}`, ...end])
  t.strictSame(textOf({ token, to: bob, amount: '12500000' }, { tokens: [] }), [`Send 12500000 units of token ${token}`, `To: ${bob}`, ...end], 'nobody vouches for its symbol')
  const approve = encodeFunctionData({ abi, functionName: 'approve', args: [bob, 2n ** 256n - 1n] })
  t.match(textOf({ to: token, data: approve, abi: 'approve(address,uint256)' })[0], /^Allow somebody else to take without limit, .* USDC/, 'what a call does goes before what it is called')
  const minted = encodeFunctionData({ abi, functionName: 'mint', args: [bob, 5n] })
  t.strictSame(textOf({ to: token, abi: 'mint(address,uint256)', args: [bob, '5'], value: '1' }), [
    `Call contract ${token}`, `Method: mint(address,uint256) (${minted.slice(0, 10)}), named by whoever asked`, `Argument 1: ${bob}`, 'Argument 2: 5', 'Coins sent along: 0.000000000000000001 ETH (1 wei)', `Data: 68 bytes, keccak-256 ${keccak256(minted)}`, ...end
  ])
  t.strictSame(textOf({ to: token, data: minted }).slice(0, 3), [`Call contract ${token}`, `Method: ${minted.slice(0, 10)}, of unknown name`, `Data: 68 bytes, keccak-256 ${keccak256(minted)}`])
  t.strictSame(textOf({ calls: [{ to: bob, value: '1000000000000000000' }, { to: token, abi: 'mint(address,uint256)', args: [bob, '5'] }, { to: token, data: '0x12345678' }] }).slice(0, 4), [
    'Make 3 calls at once, all or none, and send 1 ETH (1000000000000000000 wei)',
    `Call 1: send 1 ETH (1000000000000000000 wei) to ${bob}`,
    `Call 2: contract ${token}: mint(address,uint256) (${minted.slice(0, 10)}), named by whoever asked, with ${bob}, 5`,
    `Call 3: contract ${token}: method 0x12345678, 4 bytes, keccak-256 ${dataHash('0x12345678' as Hex)}`
  ])
})
