/** EIP-712: the published example, another library's hashes, and what must not verify. */

import fc from 'fast-check'
import t from 'tap'
import { hashTypedData as viemHash, keccak256, stringToBytes, toHex, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { hashTypedData, verifyEvmMessage, verifyEvmTypedData, type EvmTypedDataProof, type TypedData } from '../../src/index.ts'
import { hostileValues } from '../input/hostile-values.ts'

/** The standard's own example (EIP-712, Example.js and Example.sol). */
const mail = {
  domain: { name: 'Ether Mail', version: '1', chainId: 1, verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC' },
  types: {
    EIP712Domain: [{ name: 'name', type: 'string' }, { name: 'version', type: 'string' }, { name: 'chainId', type: 'uint256' }, { name: 'verifyingContract', type: 'address' }],
    Person: [{ name: 'name', type: 'string' }, { name: 'wallet', type: 'address' }],
    Mail: [{ name: 'from', type: 'Person' }, { name: 'to', type: 'Person' }, { name: 'contents', type: 'string' }]
  },
  primaryType: 'Mail',
  message: {
    from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' },
    to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' },
    contents: 'Hello, Bob!'
  }
} satisfies TypedData
const published = {
  digest: '0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2',
  address: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826',
  signature: '0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c'
} as const
const cow = privateKeyToAccount(keccak256(stringToBytes('cow')))

const digestOf = (data: unknown): string | null => {
  const hash = hashTypedData(data)
  return hash === null ? null : toHex(hash)
}
const viemDigest = (data: unknown): string => viemHash(data as Parameters<typeof viemHash>[0])
const verify = (over: object = {}) => verifyEvmTypedData({ typedData: mail, signature: published.signature, address: published.address, ...over })
/** The example with other values at these paths; undefined: without it. */
function changed (values: Readonly<Record<string, unknown>>): TypedData {
  const copy: unknown = structuredClone(mail)
  for (const [path, value] of Object.entries(values)) {
    const steps = path.split('.')
    const last = steps.pop() ?? ''
    const place = steps.reduce((at, step) => at[step] as Record<string, unknown>, copy as Record<string, unknown>)
    if (value === undefined) delete place[last]
    else place[last] = value
  }
  return copy as TypedData
}

t.test('the example of the standard has the published digest, and its signature is verified', async (t) => {
  t.equal(digestOf(mail), published.digest)
  t.equal(await cow.signTypedData(mail as Parameters<typeof cow.signTypedData>[0]), published.signature)
  t.strictSame(await verify(), { valid: true, address: published.address, method: 'eoa' })
  t.equal(digestOf(changed({ 'types.EIP712Domain': undefined })), published.digest, 'the type of the domain is seen from its fields')
  t.strictSame(await verify({ address: published.address.toLowerCase() }), { valid: true, address: published.address, method: 'eoa' })
})

t.test('any changed field of the data fails, and so does any flipped bit of the signature', async (t) => {
  const refused = { valid: false, reason: 'signature is not by this address' }
  for (const [what, values] of Object.entries<Readonly<Record<string, unknown>>>({
    'another chain': { 'domain.chainId': 2 },
    'another contract': { 'domain.verifyingContract': published.address },
    'another name': { 'domain.name': 'Ether Mai1' },
    'another version': { 'domain.version': '2' },
    'another sender': { 'message.from.name': 'Cov' },
    'another recipient': { 'message.to.wallet': published.address },
    'another text': { 'message.contents': 'Hello, Bob?' },
    'another name of a member': { 'types.Mail.2.name': 'content', 'message.content': mail.message.contents, 'message.contents': undefined },
    'another order of members': { 'types.Person': mail.types.Person.toReversed() },
    'another name of a struct': { 'types.Letter': mail.types.Mail, primaryType: 'Letter' },
    'a domain without its chain': { 'domain.chainId': undefined, 'types.EIP712Domain': undefined }
  })) t.strictSame(await verify({ typedData: changed(values) }), refused, what)

  let valid = 0
  for (let bit = 0; bit < 520; bit += 1) {
    const bytes = Buffer.from(published.signature.slice(2), 'hex')
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    valid += (await verify({ signature: `0x${bytes.toString('hex')}` })).valid ? 1 : 0
  }
  t.equal(valid, 0)
  t.strictSame(await verify({ address: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' }), refused)
})

t.test('a high s, a v of EIP-155 and the signature of a text with the same words are refused', async (t) => {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = (order - BigInt(`0x${published.signature.slice(66, 130)}`)).toString(16).padStart(64, '0')
  t.strictSame(await verify({ signature: `${published.signature.slice(0, 66)}${s}1b` }), { valid: false, reason: 'signature is not in low-s form' })
  t.strictSame(await verify({ signature: `${published.signature.slice(0, 130)}25` }), { valid: false, reason: 'signature recovery id is not supported' })
  const message = JSON.stringify(mail)
  t.match(await verify({ signature: await cow.signMessage({ message }) }), { valid: false })
  t.match(await verifyEvmMessage({ message, signature: published.signature, address: published.address }), { valid: false })
  t.match(await verifyEvmMessage({ message: published.digest, signature: await cow.sign({ hash: published.digest }), address: published.address }), { valid: false })
})

/** Any type of the standard, with values of it. */
const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n })
const int = (bits: number) => fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n })
const hex = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`)
const bits = fc.integer({ min: 1, max: 32 }).map((bytes) => bytes * 8)
const atom: fc.Arbitrary<{ type: string, value: unknown }> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }).map((value) => ({ type: 'string', value })),
  fc.boolean().map((value) => ({ type: 'bool', value })),
  hex(20).map((value) => ({ type: 'address', value })),
  hex(0, 100).map((value) => ({ type: 'bytes', value })),
  fc.integer({ min: 1, max: 32 }).chain((size) => hex(size).map((value) => ({ type: `bytes${size}`, value }))),
  bits.chain((size) => uint(size).map((value) => ({ type: `uint${size}`, value }))),
  bits.chain((size) => int(size).map((value) => ({ type: `int${size}`, value }))),
  fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 }).map((value) => ({ type: 'string[]', value })),
  fc.array(fc.array(uint(256), { minLength: 2, maxLength: 2 }), { maxLength: 3 }).map((value) => ({ type: 'uint256[2][]', value }))
)
const struct = fc.array(atom, { maxLength: 5 }).map((atoms) => ({
  fields: atoms.map(({ type }, index) => ({ name: `f${index}`, type })),
  value: Object.fromEntries(atoms.map(({ value }, index) => [`f${index}`, value]))
}))
// viem takes an empty text in the domain for none.
const words = fc.string({ minLength: 1 })
const domain = fc.record({ name: words, version: words, chainId: fc.nat(), verifyingContract: hex(20), salt: hex(32) }, { requiredKeys: [] })
const anyTypedData = fc.record({ domain, inner: struct, outer: struct, count: fc.integer({ min: 0, max: 3 }) }).map(({ domain, inner, outer, count }): TypedData => ({
  domain,
  types: { Outer: [...outer.fields, { name: 'one', type: 'Inner' }, { name: 'many', type: 'Inner[]' }], Inner: inner.fields },
  primaryType: 'Outer',
  message: { ...outer.value, one: inner.value, many: Array.from({ length: count }, () => inner.value) }
}))

t.test('whatever the types and values, the hash is the one that viem makes and signs', async (t) => {
  // viem reads an address in mixed case by its checksum: these are in lower case.
  fc.assert(fc.property(anyTypedData, (data) => digestOf(data) === viemDigest(data)), { numRuns: 300 })
  const asText = changed({ 'domain.chainId': '1' })
  t.equal(digestOf(asText), published.digest, 'an integer may come as decimal text')
  t.equal(digestOf(changed({ 'domain.chainId': '0x01' })), published.digest)
  t.equal(digestOf(changed({ 'domain.chainId': 1n })), published.digest)
})

t.test('data that would have to be cut, filled in or guessed at is refused', async (t) => {
  const unreadable = { valid: false, reason: 'typed data is not readable' }
  for (const [what, values] of Object.entries<Readonly<Record<string, unknown>>>({
    'a member without a type': { 'message.note': 'unsigned' },
    'a member of the domain without a type': { 'domain.note': 'unsigned' },
    'a type without a member': { 'message.contents': undefined },
    'a member that is null': { 'message.to': null },
    'an unknown type': { 'types.Mail.2.type': 'text' },
    'an alias of a type': { 'types.EIP712Domain.2.type': 'uint' },
    'an odd width': { 'types.EIP712Domain.2.type': 'uint7' },
    'a member twice': { 'types.Mail.0.name': 'to' },
    'a name with other signs': { 'types.Mail.0.name': 'a,b' },
    'a struct called as an atom': { 'types.uint256': [] },
    'no such primary type': { 'primaryType': 'Letter' },
    'the domain as primary type': { 'primaryType': 'EIP712Domain' },
    'a number too large': { 'domain.chainId': '1'.padEnd(79, '0') },
    'a number below zero': { 'domain.chainId': -1 },
    'a fraction': { 'domain.chainId': 1.5 },
    'an imprecise number': { 'domain.chainId': 2 ** 53 },
    'a number in another spelling': { 'domain.chainId': '01' },
    'an address too short': { 'message.to.wallet': '0x00' },
    'a text that is a number': { 'message.contents': 1 },
    'a text that UTF-8 cannot carry': { 'message.contents': '\ud800' },
    'a text that is too long': { 'message.contents': 'a'.repeat(70_000) },
    'a struct that is a list': { 'message.to': ['Bob', published.address] },
    'types that are no lists': { 'types.Mail': {} }
  })) t.strictSame(await verify({ typedData: changed(values) }), unreadable, what)

  const list = (length: number, type = 'string[]'): unknown => ({ domain: {}, types: { List: [{ name: 'all', type }] }, primaryType: 'List', message: { all: Array(length).fill('') } })
  t.ok(digestOf(list(1_000)))
  t.equal(digestOf(list(100_000)), null, 'too much of it')
  t.equal(digestOf(list(3, 'string[2]')), null)
  t.equal(digestOf(list(2, 'string[2]')), viemDigest(list(2, 'string[2]')))
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of hostileValues) {
    t.notOk((await verifyEvmTypedData(value as EvmTypedDataProof)).valid)
    t.match(await verify({ typedData: value }), { valid: false, reason: 'typed data is not readable' })
    for (const part of ['domain', 'types', 'primaryType', 'message']) t.match(await verify({ typedData: { ...mail, [part]: value } }), { valid: false, reason: 'typed data is not readable' })
  }
  await fc.assert(fc.asyncProperty(fc.anything(), async (value) => !(await verify({ typedData: value })).valid), { numRuns: 300 })
})
