import { pubkeyToAddress, rawSecp256k1PubkeyToRawAddress } from '@cosmjs/amino'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bech32, bech32m } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import { publicKeyToAddress } from 'viem/accounts'
import { hashOfPublicKey } from '../../src/cosmos/address.ts'
import { canonicalCosmosAddress, cosmosAccountHash, cosmosAddressUnder, cosmosPrefixes } from '../../src/index.ts'
import { anything, hostileValues } from '../input/hostile-values.ts'

const hash = '9df8b9a4bdcb7b3c6aa3a0e1d2c4b5a697887766'
const address = bech32.encodeFromBytes('cosmos', hexToBytes(hash))
const twentyBytes = fc.uint8Array({ minLength: 20, maxLength: 20 })

t.test('lower and upper case are one address, mixed case is none', async (t) => {
  t.equal(canonicalCosmosAddress(address), address)
  t.equal(canonicalCosmosAddress(address.toUpperCase()), address)
  for (let at = 0; at < address.length; at += 1) {
    const upper = address.charAt(at).toUpperCase()
    if (upper === address.charAt(at)) continue
    t.equal(canonicalCosmosAddress(`${address.slice(0, at)}${upper}${address.slice(at + 1)}`), undefined)
  }
  // U+212A lower-cases to "k", U+017F upper-cases to "S".
  t.equal(canonicalCosmosAddress(bech32.encodeFromBytes('akash', hexToBytes(hash)).toUpperCase().replace('AKASH', 'A\u212aASH')), undefined)
  t.equal(canonicalCosmosAddress(address.replace('cosmos', 'co\u017fmos')), undefined)
})

t.test('only accepted prefixes have a canonical address', async (t) => {
  for (const prefix of [...cosmosPrefixes.secp256k1, ...cosmosPrefixes.ethsecp256k1]) {
    const own = bech32.encodeFromBytes(prefix, hexToBytes(hash))
    t.equal(canonicalCosmosAddress(own), own)
    t.equal(cosmosAccountHash(own), hash, 'one key is one account under every prefix')
    t.equal(cosmosAddressUnder(own.toUpperCase(), 'cosmos'), address)
  }
  for (const prefix of ['cosmosvaloper', 'cosmoss', 'bc', 'a']) t.equal(canonicalCosmosAddress(bech32.encodeFromBytes(prefix, hexToBytes(hash))), undefined)

  const own = bech32.encodeFromBytes('chain7', hexToBytes(hash))
  t.equal(canonicalCosmosAddress(own), undefined)
  t.equal(canonicalCosmosAddress(own.toUpperCase(), ['chain7']), own)
  t.equal(canonicalCosmosAddress(address, ['chain7']), undefined)
  t.equal(canonicalCosmosAddress(address, []), undefined)

  t.equal(cosmosAddressUnder(address, 'chain7'), own)
  for (const prefix of ['', 'Cosmos', 'a b', 'é', 'a'.repeat(52)]) t.equal(cosmosAddressUnder(address, prefix), undefined)
})

t.test('bech32m, other lengths, other padding and wrong checksums are no address', async (t) => {
  const bytes = hexToBytes(hash)
  const refused = [
    bech32m.encodeFromBytes('cosmos', bytes),
    ...[0, 1, 19, 21, 32].map((length) => bech32.encodeFromBytes('cosmos', new Uint8Array(length))),
    bech32.encode('cosmos', [...bech32.toWords(bytes), 0]),
    bech32.encode('cosmos', bech32.toWords(bytes).slice(0, -1)),
    ...Array.from(address, (char, at) => `${address.slice(0, at)}${char === 'q' ? 'p' : 'q'}${address.slice(at + 1)}`),
    ` ${address}`, `${address}\n`, `${address}q`, address.slice(0, -1), address.slice(7), address.replace('1', ''), `cosmos:${address}`, '', '1', 'cosmos1', 'q'.repeat(90), 'a'.repeat(1_000_000)
  ]
  for (const text of refused) {
    t.equal(canonicalCosmosAddress(text), undefined)
    t.equal(cosmosAccountHash(text), undefined)
  }
})

t.test('both derivations agree with the reference implementations', async (t) => {
  for (let round = 0; round < 30; round += 1) {
    const secretKey = secp256k1.utils.randomSecretKey()
    const compressed = secp256k1.getPublicKey(secretKey, true)

    const plain = hashOfPublicKey(compressed, 'secp256k1') ?? new Uint8Array()
    t.equal(bytesToHex(plain), bytesToHex(rawSecp256k1PubkeyToRawAddress(compressed)))
    t.equal(bech32.encodeFromBytes('osmo', plain), pubkeyToAddress({ type: 'tendermint/PubKeySecp256k1', value: Buffer.from(compressed).toString('base64') }, 'osmo'))

    const ethereum = hashOfPublicKey(compressed, 'ethsecp256k1') ?? new Uint8Array()
    t.equal(`0x${bytesToHex(ethereum)}`, publicKeyToAddress(`0x${bytesToHex(secp256k1.getPublicKey(secretKey, false))}`).toLowerCase())
  }
  // A pair from Injective's documentation.
  t.equal(cosmosAccountHash('inj14au322k9munkmx5wrchz9q30juf5wjgz2cfqku'), 'AF79152AC5dF276D9A8e1E2E22822f9713474902'.toLowerCase())
  // The key of private key 1.
  const one = hexToBytes('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798')
  t.equal(bytesToHex(hashOfPublicKey(one, 'secp256k1') ?? new Uint8Array()), '751e76e8199196d454941c45d1b3a323f1433bd6')
  t.equal(bytesToHex(hashOfPublicKey(one, 'ethsecp256k1') ?? new Uint8Array()), '7e5f4552091a69125d5dfcb7b8c2659029395bdf')
})

t.test('whatever is no point of the curve has no Ethereum-style address', async (t) => {
  const beyond = hexToBytes(`02${'ff'.repeat(32)}`)
  const noPoint = hexToBytes(`02${'5'.padStart(64, '0')}`)
  for (const key of [beyond, noPoint, new Uint8Array(33), new Uint8Array(0)]) t.equal(hashOfPublicKey(key, 'ethsecp256k1'), undefined)
})

t.test('every address round-trips, and no JavaScript value throws', async (t) => {
  fc.assert(fc.property(twentyBytes, fc.constantFrom(...cosmosPrefixes.secp256k1), (bytes, prefix) => {
    const text = bech32.encodeFromBytes(prefix, bytes)
    return canonicalCosmosAddress(text.toUpperCase()) === text && cosmosAccountHash(text) === bytesToHex(bytes)
  }))

  for (const value of hostileValues) {
    t.equal(canonicalCosmosAddress(value as string), undefined)
    t.equal(cosmosAccountHash(value as string), undefined)
    t.equal(cosmosAddressUnder(value as string, 'cosmos'), undefined)
    t.equal(cosmosAddressUnder(address, value as string), value === 'a' ? bech32.encodeFromBytes('a', hexToBytes(hash)) : undefined)
    if (value !== undefined) t.equal(canonicalCosmosAddress(address, value as string[]), undefined)
  }
  for (const prefixes of [['Cosmos'], ['cosmos', 1], ['cosmos', ''], ['cosmos', 'a'.repeat(52)], ['cosmos', 'a b'], new Array(4_000_000_000), 'cosmos', new Set(['cosmos']), ['cosmos', new String('osmo')]]) {
    t.equal(canonicalCosmosAddress(address, prefixes as string[]), undefined)
  }
  const given = anything().filter((value) => value !== undefined)
  fc.assert(fc.property(fc.oneof(given, fc.string({ unit: 'binary' })), given, (value, prefixes) =>
    canonicalCosmosAddress(value as string) === undefined && cosmosAccountHash(value as string) === undefined && canonicalCosmosAddress(address, prefixes as string[]) === undefined), { numRuns: 500 })
})
