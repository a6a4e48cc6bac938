/** What verifyEvmMessage makes of a node, or of an rpc client, that answers anything. */

import fc from 'fast-check'
import t from 'tap'
import { concat, encodeAbiParameters, serializeErc6492Signature, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { verifyEvmMessage, type EvmProof, type EvmRpc, type EvmVerdict } from '../../src/index.ts'
import { unwrap } from '../../src/evm/erc6492.ts'
import { evmRefusals } from '../../src/evm/refusals.ts'

const magicWord = `0x1626ba7e${'0'.repeat(56)}`
const magicSuffix = '6492'.repeat(16)
const account = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
const message = 'localhost wants you to sign in with your Ethereum account: 1234'
const ownSignature = await account.signMessage({ message })
const address = '0x00000000000000000000000000000000000000bb'
const wrapped = serializeErc6492Signature({ address, data: '0x1234', signature: '0x5678' })
const unavailable: EvmVerdict = { valid: false, reason: 'unavailable' }
const notTheirs: EvmVerdict = { valid: false, reason: 'signature is not by this address' }

type Answers = Readonly<Record<string, () => unknown>>
const agreeing: Answers = { eth_chainId: () => '0x1', eth_getCode: () => '0x6001', eth_call: () => magicWord }
/** Answers as a contract wallet of chain 1 that agrees, unless told otherwise. */
const rpcThat = (answers: Answers): EvmRpc => ({
  request: async ({ method }) => ({ ...agreeing, ...answers })[method]?.()
})
const throwing = (error: unknown) => () => { throw error }
const verdictOf = async (rpc: unknown, over: object = {}): Promise<EvmVerdict> =>
  await verifyEvmMessage({ message, signature: '0x1234', address, rpc, chainId: 1, ...over } as EvmProof)

t.test('a node that answers as it should is believed', async (t) => {
  t.match(await verdictOf(rpcThat({})), { valid: true, method: 'erc1271' })
  t.match(await verdictOf(rpcThat({ eth_getCode: () => '0x' }), { signature: wrapped }), { valid: true, method: 'erc6492' })
  t.match(await verdictOf(rpcThat({ eth_call: () => magicWord.toUpperCase().replace('X', 'x') })), { valid: true })
  t.strictSame(await verdictOf(rpcThat({ eth_getCode: () => '0x' })), notTheirs)
})

t.test('code that failed by itself is a no, in the words of any node', async (t) => {
  const failures: unknown[] = [
    { code: 3, message: 'execution reverted', data: '0x' }, { code: 3, message: '' }, { code: -32000, message: 'execution reverted' }, { code: -32000, message: 'Execution reverted', data: '0x08c379a0' },
    { code: -32015, message: 'VM execution error.', data: 'Reverted 0x' }, { code: -32603, message: 'VM Exception while processing transaction: reverted with an unrecognized custom error' },
    { code: -32000, message: 'out of gas' }, { code: -32000, message: 'gas required exceeds allowance (10000000)' }, { code: -32000, message: 'invalid opcode: INVALID' }, { code: -32000, message: 'invalid jump destination' },
    { code: -32000, message: 'stack underflow (0 <=> 1)' }, { code: -32000, message: 'opcode 0xc not defined' }, { code: -32603, message: 'EVM error OutOfGas' }, { code: -32003, message: 'out of gas: gas exhausted during memory expansion' },
    { code: -32000, message: 'return data out of bounds' }, { code: -32000, message: 'contract creation code storage out of gas' }, { code: -32008, message: 'Response is too big' },
    new Error('execution reverted'), new Error('RPC Request failed.', { cause: { code: 3, message: 'execution reverted' } }), new Error('Missing or invalid parameters.', { cause: new Error('x', { cause: { code: -32000, details: 'execution reverted: no' } }) })
  ]
  for (const failure of failures) {
    t.strictSame(await verdictOf(rpcThat({ eth_call: throwing(failure) })), notTheirs, JSON.stringify(failure))
    t.strictSame(await verdictOf(rpcThat({ eth_call: throwing(failure), eth_getCode: () => '0x' }), { signature: wrapped }), notTheirs)
    for (const method of ['eth_getCode', 'eth_chainId']) t.strictSame(await verdictOf(rpcThat({ [method]: throwing(failure) })), unavailable, 'no code runs for this question')
  }
})

t.test('trouble on the way is no verdict about a signature', async (t) => {
  const endless = new Error('deep')
  endless.cause = endless
  const troubles: unknown[] = [
    new TypeError('fetch failed'), new DOMException('The operation was aborted due to timeout', 'TimeoutError'), Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    { code: -32005, message: 'daily request count exceeded, request rate limited', data: { see: 'https://example.com' } }, { code: 429, message: 'Too many requests' }, { code: -32601, message: 'the method eth_call does not exist' },
    { code: -32000, message: 'header not found' }, { code: -32000, message: 'execution aborted (timeout = 5s)' }, { code: -32000, message: 'missing trie node' }, { code: -32603, message: 'Internal error' }, { code: 4900, message: 'disconnected' },
    { code: -32000, message: 'intrinsic gas too low' }, undefined, null, 0, 'execution reverted', Symbol('a'), new Proxy({}, { get: throwing(new Error('trap')) }), { get code () { throw new Error('getter') } }, endless, { code: 'x', data: '0x' }
  ]
  for (const trouble of troubles) {
    for (const method of ['eth_chainId', 'eth_getCode', 'eth_call']) t.strictSame(await verdictOf(rpcThat({ [method]: throwing(trouble) })), unavailable)
    t.strictSame(await verdictOf(rpcThat({ eth_call: throwing(trouble), eth_getCode: () => '0x' }), { signature: wrapped }), unavailable)
    t.match(await verdictOf(rpcThat({ eth_getCode: throwing(trouble) }), { address: account.address, signature: ownSignature }), { valid: true, method: 'eoa' })
  }
})

const oddities = [undefined, null, 0, 1n, NaN, true, '', '0', '0X', 'magic', '0xzz', '0x1626ba7e ', '1626ba7e', Symbol('a'), [], [magicWord], {}, { result: magicWord }, new String(magicWord), () => magicWord, new Uint8Array(32), new Proxy({}, { get: throwing(new Error('trap')) })]

t.test('an answer of another kind than hex is no answer', async (t) => {
  for (const odd of oddities) for (const method of ['eth_chainId', 'eth_getCode', 'eth_call']) t.strictSame(await verdictOf(rpcThat({ [method]: () => odd })), unavailable)
})

t.test('anything may be handed in as an rpc, as a chain id or as a time limit', async (t) => {
  for (const odd of oddities) {
    if (odd !== undefined) t.strictSame(await verdictOf(odd), unavailable)
    t.strictSame(await verdictOf({ request: odd }), unavailable)
    t.strictSame(await verdictOf({ request: () => odd }), unavailable)
    t.strictSame(await verdictOf({ request: throwing(odd) }), unavailable)
    t.strictSame(await verdictOf({ request: () => ({ then: odd }) }, { rpcTimeoutMs: 50 }), unavailable)
    if (odd !== undefined) t.strictSame(await verdictOf(rpcThat({}), { chainId: odd }), unavailable)
    // NaN milliseconds and the like: as if not given.
    if (odd !== 0) t.match(await verdictOf(rpcThat({}), { rpcTimeoutMs: odd }), { valid: true })
  }
})

t.test('the chain must be the one that was said', async (t) => {
  for (const [answer, chainId] of [['0x2', 1], ['0x', 1], ['0x', 0], ['0x1', 1.5], ['0x1', '1'], ['0x1', -1], [`0x${'f'.repeat(100)}`, 1]]) t.strictSame(await verdictOf(rpcThat({ eth_chainId: () => answer }), { chainId }), unavailable)
  for (const [answer, chainId] of [['0x1', 1], ['0x01', 1], ['0x7A69', 31337]]) t.match(await verdictOf(rpcThat({ eth_chainId: () => answer }), { chainId }), { valid: true })
  t.match(await verdictOf(rpcThat({ eth_chainId: throwing(new Error('not asked')) }), { chainId: undefined }), { valid: true })
})

t.test('an rpc that never answers is waited for so long and no longer', async (t) => {
  const never = { request: async () => await new Promise(() => {}) }
  t.strictSame(await verdictOf(never, { rpcTimeoutMs: 20 }), unavailable)
  t.strictSame(await verdictOf({ request: () => ({ then () {} }) }, { rpcTimeoutMs: 20 }), unavailable)
  t.strictSame(await verdictOf(rpcThat({ eth_call: async () => await new Promise(() => {}) }), { rpcTimeoutMs: 20 }), unavailable)
})

t.test('a signature is bounded before anybody is asked', async (t) => {
  const asked: string[] = []
  const rpc = rpcThat({ eth_getCode: () => { asked.push('code'); return '0x' } })
  const longest = `0x${'ab'.repeat(8_192)}`
  t.strictSame(await verdictOf(rpc, { signature: longest }), notTheirs)
  t.equal(asked.length, 1)
  for (const signature of [`${longest}ab`, `0x${'a'.repeat(100_000_000)}`]) t.strictSame(await verdictOf(rpc, { signature }), { valid: false, reason: 'signature is too long' })
  for (const signature of ['', '0', '0X12', '0x123', '0xzz', 'ab', ' 0x12', '0x12\n']) t.strictSame(await verdictOf(rpc, { signature }), { valid: false, reason: 'signature is not 65 bytes in 0x hex' })
  t.equal(asked.length, 1)
})

const hexOf = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`)
const addressHex = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`)

t.test('a wrapper is read as encoders write it, wherever its parts lie', async (t) => {
  fc.assert(fc.property(addressHex, hexOf(500), hexOf(500), (factory, data, signature) => {
    fc.pre(!signature.endsWith(magicSuffix))
    t.strictSame(unwrap(serializeErc6492Signature({ address: factory, data, signature }).slice(2)), { factory: factory.slice(2), factoryCalldata: data.slice(2), signature: signature.slice(2) })
  }), { numRuns: 200 })

  const word = (value: number): string => value.toString(16).padStart(64, '0')
  const parts = (first: string, second: string, third: string, rest = ''): string => `${first}${second}${third}${rest}${magicSuffix}`
  const factory = word(0xbb)
  t.match(unwrap(parts(factory, word(0x80), word(0x60), `${word(0)}${word(1)}ff`)), { factoryCalldata: 'ff', signature: '' }, 'the other way round')
  t.match(unwrap(parts(factory, word(0x60), word(0x60), `${word(2)}abcd`)), { factoryCalldata: 'abcd', signature: 'abcd' }, 'one place for both')
  const unreadable = [
    magicSuffix, parts(factory, '', ''), parts(factory, word(0x60), word(0x60)), parts(factory, word(0x60), word(0x80), `${word(0)}`), parts(factory, word(0x60), word(0x60), `${word(2)}ab`),
    parts(`1${factory.slice(1)}`, word(0x60), word(0x60), word(0)), parts(factory, 'f'.repeat(64), word(0x60), word(0)), parts(factory, `1${word(0x60).slice(1)}`, word(0x60), word(0)), parts(factory, word(0x60), word(0xffffffff), word(0)),
    parts(factory, word(0x60), word(0x60), 'f'.repeat(64)), parts(factory, word(0x60), word(0x60), word(0xffffffff))
  ]
  for (const text of unreadable) t.equal(unwrap(text), 'signature wrapper is not readable')
  t.equal(unwrap(encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }, { type: 'bytes' }], [address, '0x', '0x']).slice(2)), undefined)
  t.equal(unwrap(''), undefined)
})

t.test('whatever is signed and whatever the node says, there is a verdict, and it is a yes only for the magic value', async () => {
  const suffixed = hexOf(600).map((bytes) => concat([bytes, `0x${magicSuffix}`]))
  const wrappedHex = fc.tuple(addressHex, hexOf(200), hexOf(200)).map(([factory, data, signature]) => serializeErc6492Signature({ address: factory, data, signature }))
  const signature = fc.oneof(hexOf(9_000), suffixed, wrappedHex, fc.string(), fc.anything())
  const answer = fc.oneof(hexOf(64), fc.constantFrom('0x', '0x1'), fc.anything({ withBigInt: true, withNullPrototype: true }), fc.anything().map((error) => throwing(error)))
  await fc.assert(fc.asyncProperty(signature, fc.array(answer, { minLength: 1, maxLength: 4 }), fc.oneof(fc.constant(undefined), fc.constant(1), fc.anything()), async (given, answers, chainId) => {
    let turn = 0
    const rpc = { request: async () => { const next = answers[turn++ % answers.length]; return typeof next === 'function' ? (next as () => unknown)() : next } }
    const verdict = await verdictOf(rpc, { signature: given, chainId })
    return !verdict.valid && Object.keys(verdict).length === 2 && evmRefusals.includes(verdict.reason as never)
  }), { numRuns: 2_000 })
})
