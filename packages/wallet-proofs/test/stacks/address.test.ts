import { addressFromVersionHash, addressToString, AddressVersion, privateKeyToAddress, randomPrivateKey } from '@stacks/transactions'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import t from 'tap'
import { canonicalStacksAddress, stacksAccountHash, stacksAddressOn, type StacksNetwork } from '../../src/index.ts'
import { readC32Check, writeC32Check } from '../../src/stacks/c32-check.ts'
import { anything, bytesOf, hostileValues } from '../input/hostile-values.ts'

const hash = 'a46ff88886c2ef9762d970b4d2c63678835bd39d'
const mainnet = 'SP2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKNRV9EJ7'
const testnet = 'ST2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKQYAC0RQ'

// As the c32check package has them: version, hash, address.
const vectors: ReadonlyArray<readonly [number, string, string]> = [
  [22, hash, mainnet],
  [22, '0'.repeat(40), 'SP000000000000000000002Q6VF78'],
  [22, `${'0'.repeat(39)}1`, 'SP00000000000000000005JA84HQ'],
  [22, `1${'0'.repeat(39)}`, 'SP800000000000000000000000000000033H8YKK'],
  [26, hash, testnet],
  [26, '0'.repeat(40), 'ST000000000000000000002AMW42H'],
  [20, hash, 'SM2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKQVX8X0G'],
  [31, hash, 'SZ2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKQ9H6DPR']
]

const bent = (text: string): string[] => Array.from(text, (char, at) => `${text.slice(0, at)}${char === '7' ? '8' : '7'}${text.slice(at + 1)}`)

t.test('c32check agrees with known addresses', async (t) => {
  for (const [version, bytes, address] of vectors) {
    t.equal(writeC32Check({ version, hash: hexToBytes(bytes) }), address)
    t.equal(readC32Check(address)?.version, version)
    t.equal(bytesToHex(readC32Check(address)?.hash ?? new Uint8Array()), bytes)
  }
})

t.test('c32check agrees with the reference implementation, leading zeros included', async (t) => {
  const reference = (version: AddressVersion, bytes: Uint8Array): string => addressToString(addressFromVersionHash(version, bytesToHex(bytes)))
  const zeroed = fc.tuple(bytesOf(20), fc.nat(20)).map(([bytes, zeros]) => Uint8Array.from(bytes).fill(0, 0, zeros))
  fc.assert(fc.property(fc.oneof(bytesOf(20), zeroed), fc.constantFrom(AddressVersion.MainnetSingleSig, AddressVersion.TestnetSingleSig, AddressVersion.MainnetMultiSig), (bytes, version) => {
    const address = writeC32Check({ version, hash: bytes })
    const account = readC32Check(address)
    return address === reference(version, bytes) && account?.version === version && bytesToHex(account.hash) === bytesToHex(bytes)
  }), { numRuns: 1_000 })
  for (let round = 0; round < 20; round += 1) {
    const key = randomPrivateKey()
    for (const network of ['mainnet', 'testnet', 'devnet'] as const) {
      const address = privateKeyToAddress(key, network)
      t.equal(canonicalStacksAddress(address, network), address)
    }
    t.equal(stacksAccountHash(privateKeyToAddress(key, 'mainnet')), stacksAccountHash(privateKeyToAddress(key, 'testnet')), 'one key is one account on every network')
  }
})

t.test('an address has one spelling, or the same all in lower case', async (t) => {
  t.equal(canonicalStacksAddress(mainnet, 'mainnet'), mainnet)
  t.equal(canonicalStacksAddress(mainnet.toLowerCase(), 'mainnet'), mainnet)
  t.equal(stacksAccountHash(testnet.toLowerCase()), hash)

  const refused = [
    `s${mainnet.slice(1)}`, `${mainnet.slice(0, -2)}j7`, `${mainnet.slice(0, 10)}${mainnet.slice(10).toLowerCase()}`,
    mainnet.toLowerCase().replace('s', '\u017f'), // its upper case is "S"
    ...bent(mainnet), ...bent(mainnet).map((text) => text.toLowerCase()),
    ` ${mainnet}`, `${mainnet}\n`, `${mainnet}0`, `0${mainnet}`, mainnet.slice(0, -1), mainnet.slice(1), `SP0${mainnet.slice(2)}`, `SP00${mainnet.slice(2)}`, `${mainnet}.contract`,
    '', 'S', 'SP', 'SP0', `SP${'0'.repeat(38)}`, `SP${'Z'.repeat(39)}`, 'S'.repeat(1_000_000)
  ].filter((text) => text !== mainnet && text !== mainnet.toLowerCase())
  for (const text of refused) {
    t.equal(canonicalStacksAddress(text, 'mainnet'), undefined)
    t.equal(stacksAccountHash(text), undefined)
  }
})

t.test('O, I and L are not read as the digits they look like', async (t) => {
  const digits = 'SP000000000000000000002Q6VF78'
  t.equal(canonicalStacksAddress(digits, 'mainnet'), digits)
  t.equal(canonicalStacksAddress(digits.replace('0', 'O'), 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(digits.toLowerCase().replace('0', 'o'), 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet.replace('1', 'I'), 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet.replace('1', 'L'), 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet.toLowerCase().replace('1', 'l'), 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet.replace('V', 'U'), 'mainnet'), undefined)
})

t.test('an address is of one network and of one key', async (t) => {
  t.equal(canonicalStacksAddress(testnet, 'testnet'), testnet)
  t.equal(canonicalStacksAddress(testnet, 'devnet'), testnet)
  t.equal(canonicalStacksAddress(testnet, 'mainnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet, 'testnet'), undefined)
  t.equal(canonicalStacksAddress(mainnet, 'devnet'), undefined)
  for (const network of ['', 'Mainnet', 'mocknet', '__proto__', 'constructor', 22]) t.equal(canonicalStacksAddress(mainnet, network as StacksNetwork), undefined)

  for (let version = 0; version < 32; version += 1) {
    const address = writeC32Check({ version, hash: hexToBytes(hash) })
    t.equal(stacksAccountHash(address), version === 22 || version === 26 ? hash : undefined)
    t.equal(stacksAddressOn(address, 'mainnet'), version === 22 || version === 26 ? mainnet : undefined)
  }
  t.equal(stacksAddressOn(mainnet.toLowerCase(), 'testnet'), testnet)
  t.equal(stacksAddressOn(mainnet, 'devnet'), testnet)
  t.equal(stacksAddressOn(mainnet, 'mocknet' as StacksNetwork), undefined)
})

t.test('no JavaScript value makes them throw', async (t) => {
  for (const value of hostileValues) {
    t.equal(canonicalStacksAddress(value as string, 'mainnet'), undefined)
    t.equal(canonicalStacksAddress(mainnet, value as StacksNetwork), undefined)
    t.equal(stacksAddressOn(value as string, 'mainnet'), undefined)
    t.equal(stacksAddressOn(mainnet, value as StacksNetwork), undefined)
    t.equal(stacksAccountHash(value as string), undefined)
  }
  const text = fc.oneof(anything(), fc.string({ unit: 'binary' }), fc.stringMatching(/^S[PT][0-9A-HJKMNP-TV-Z]{27,39}$/))
  fc.assert(fc.property(text, anything(), (value, network) =>
    canonicalStacksAddress(value as string, 'mainnet') === undefined && canonicalStacksAddress(mainnet, network as StacksNetwork) === undefined && stacksAccountHash(value as string) === undefined), { numRuns: 1_000 })
})
