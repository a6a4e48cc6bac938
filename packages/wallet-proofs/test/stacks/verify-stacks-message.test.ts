import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hashMessage, verifyMessageSignatureRsv } from '@stacks/encryption'
import {
  Cl, privateKeyToAddress, privateKeyToPublic, publicKeyFromSignatureRsv, publicKeyToAddress, publicKeyToHex, randomPrivateKey, signMessageHashRsv, signStructuredData, signWithKey, uncompressPublicKey
} from '@stacks/transactions'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import t from 'tap'
import { canonicalStacksAddress, stacksAccountHash, verifyStacksMessage, type StacksNetwork, type StacksProof, type StacksRefusal, type StacksVerdict } from '../../src/index.ts'
import { writeC32Check } from '../../src/stacks/c32-check.ts'
import { stacksRefusals } from '../../src/stacks/refusals.ts'
import { hashStacksMessage } from '../../src/stacks/signed-message.ts'
import { anything, bytesOf, flipBit, hostileValues, revoked, trap } from '../input/hostile-values.ts'

const ORDER = secp256k1.Point.CURVE().n
const word = (value: bigint): string => value.toString(16).padStart(64, '0')
const refused = (reason: StacksRefusal): StacksVerdict => ({ valid: false, reason })

const privateKey = `${'2f'.repeat(32)}01`
const publicKey = publicKeyToHex(privateKeyToPublic(privateKey))
const uncompressed = publicKeyToHex(uncompressPublicKey(publicKey))
const message = 'app.example wants you to sign in with your Stacks account:\nNonce: 32891756'

function proofOf (text: string, network: StacksNetwork = 'mainnet', key = privateKey): StacksProof {
  return { message: text, signature: signMessageHashRsv({ messageHash: bytesToHex(hashMessage(text)), privateKey: key }), address: privateKeyToAddress(key, network), network }
}

const proof = proofOf(message)
const { signature, address } = proof
const [r, s, v] = [signature.slice(0, 64), signature.slice(64, 128), signature.slice(128)]
const accepted: StacksVerdict = { valid: true, address, method: 'single-key' }

/** Any value: a verdict of the right shape, valid or with a reason of the closed set. */
async function keepsItsWord (value: unknown): Promise<StacksVerdict> {
  const verdict = await verifyStacksMessage(value as StacksProof)
  const honest = verdict.valid ? verdict.reason === undefined : verdict.reason !== undefined && stacksRefusals.includes(verdict.reason) && Object.keys(verdict).length === 2
  if (!honest) throw new Error('a verdict of no known shape')
  return verdict
}

// Published in the tests of @stacks/encryption: one text signed under the current and under the retired prefix.
const published = {
  message: 'You are saying that you want to perform action XYZ.',
  address: 'STGSJA8EMYDBAJDX6Z4ED8CWW071B6NB97SRAM1E',
  publicKey: '024cce41b91566d70ec2ed6eb161c6ef9c277bdc034738318ed06f1d5ba09546d6',
  hash: '650ff1a80ea3fab019b383d4385fcc52bb4d1cbce4713f3e95889013be3569a5',
  signature: '29ef6d718235e5fc32a1b90dd8fc7fa9403fa1b55c2dce46374570b7f3a4815d0215b8565f29a33ef8132dc0db6b00a5f13d85d6aff5c1171271818b9928928c01',
  retired: 'ab7d5f728dfc6daf0511bf292f981ae44c2ffb6f5fa1adf1db28580aeb9418903c28ddc87ede66ef4091c1df03ef4348b22de1f34b8581ab820d0d93a266115300'
}

t.test('the published signature is verified, and the one under the retired prefix is refused', async (t) => {
  const { message, address, publicKey, signature, retired } = published
  t.equal(bytesToHex(hashStacksMessage(Buffer.from(message))), published.hash)
  t.strictSame(await verifyStacksMessage({ message, signature, address, network: 'testnet' }), { valid: true, address, method: 'single-key' })
  t.strictSame(await verifyStacksMessage({ message, signature, address, network: 'testnet', publicKey }), { valid: true, address, method: 'single-key' })

  t.ok(verifyMessageSignatureRsv({ message, signature: retired, publicKey }), 'the reference accepts it')
  t.strictSame(await verifyStacksMessage({ message, signature: retired, address, network: 'testnet' }), refused('signature is not by this address'))
  t.strictSame(await verifyStacksMessage({ message, signature: retired, address, network: 'testnet', publicKey }), refused('signature is not by this public key'))
})

t.test('the hash is that of the reference, whatever the text and its length', async (t) => {
  t.equal(bytesToHex(hashStacksMessage(Buffer.from('hello world'))), '619997693db23de4b92ed152444a578a134143d9ad2c0f4dff2615de9d42ad96')
  // The edges of the variable-length integer.
  for (const length of [0, 1, 252, 253, 254, 255, 256, 65_534, 65_535, 65_536, 65_537, 196_608]) {
    const text = 'a'.repeat(length)
    t.equal(bytesToHex(hashStacksMessage(Buffer.from(text))), bytesToHex(hashMessage(text)), `${length} bytes`)
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => bytesToHex(hashStacksMessage(Buffer.from(text))) === bytesToHex(hashMessage(text))))
})

t.test('what a wallet signs is valid, whatever the text and network', async (t) => {
  t.strictSame(await verifyStacksMessage(proof), accepted)
  const texts = ['', ' ', '\0', 'é', '日本語', '👩‍👩‍👧', '\u2028', '\ufffd', '\ufeffa', 'a\r\nb', '\x17Stacks Signed Message:\n\x01a', 'a'.repeat(252), 'a'.repeat(253), 'a'.repeat(65_536), '\u{1f600}'.repeat(32_768)]
  for (const [index, text] of texts.entries()) t.strictSame(await verifyStacksMessage(proofOf(text)), accepted, `text ${index}`)

  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.constantFrom('mainnet', 'testnet', 'devnet'), async (text, network: StacksNetwork) => {
    const own = proofOf(text, network, randomPrivateKey())
    const recovered = publicKeyFromSignatureRsv(bytesToHex(hashMessage(text)), own.signature)
    const verdict = await verifyStacksMessage({ ...own, publicKey: recovered })
    return verdict.valid && verdict.address === own.address && verdict.address === publicKeyToAddress(recovered, network)
  }), { numRuns: 50 })
})

t.test('hex may be of either case and begin with 0x, the address may be all in lower case', async (t) => {
  for (const form of [signature, signature.toUpperCase(), `0x${signature}`, `0x${signature.toUpperCase()}`]) t.strictSame(await verifyStacksMessage({ ...proof, signature: form }), accepted)
  for (const form of [publicKey, publicKey.toUpperCase(), `0x${publicKey}`, uncompressed, `0x${uncompressed.toUpperCase()}`]) t.strictSame(await verifyStacksMessage({ ...proof, publicKey: form }), accepted)
  t.strictSame(await verifyStacksMessage({ ...proof, address: address.toLowerCase() }), accepted)
})

t.test('an address of another network, of several keys or in mixed case is refused', async (t) => {
  const testnet = privateKeyToAddress(privateKey, 'testnet')
  t.strictSame(await verifyStacksMessage({ ...proof, address: testnet }), refused('address is of another network'))
  t.strictSame(await verifyStacksMessage({ ...proof, network: 'testnet' }), refused('address is of another network'))
  t.strictSame(await verifyStacksMessage({ ...proof, network: 'devnet' }), refused('address is of another network'))
  t.strictSame(await verifyStacksMessage({ ...proof, address: testnet, network: 'devnet' }), { valid: true, address: testnet, method: 'single-key' })

  const hash = hexToBytes(stacksAccountHash(address) ?? '')
  for (const version of [0, 20, 21, 31]) t.strictSame(await verifyStacksMessage({ ...proof, address: writeC32Check({ version, hash }) }), refused('address is not a single-key c32check address'))
  t.strictSame(await verifyStacksMessage({ ...proof, address: `s${address.slice(1)}` }), refused('address is not a single-key c32check address'))
  for (const network of ['', 'Mainnet', 'mocknet', 'toString', 1, null, undefined, ['mainnet']]) t.strictSame(await verifyStacksMessage({ ...proof, network } as unknown as StacksProof), refused('network is not known'))
})

t.test('the claimed address and public key are never believed', async (t) => {
  const other = randomPrivateKey()
  const otherKey = publicKeyToHex(privateKeyToPublic(other))
  t.strictSame(await verifyStacksMessage({ ...proof, address: privateKeyToAddress(other, 'mainnet') }), refused('signature is not by this address'))
  t.strictSame(await verifyStacksMessage({ ...proof, address: privateKeyToAddress(other, 'mainnet'), publicKey }), refused('signature is not by this address'), 'my own key for the address of another')
  t.strictSame(await verifyStacksMessage({ ...proof, publicKey: otherKey }), refused('signature is not by this public key'))
  t.strictSame(await verifyStacksMessage({ ...proof, publicKey: publicKeyToHex(uncompressPublicKey(otherKey)) }), refused('signature is not by this public key'))

  const mirrored = `${publicKey.startsWith('02') ? '03' : '02'}${publicKey.slice(2)}`
  t.strictSame(await verifyStacksMessage({ ...proof, publicKey: mirrored }), refused('signature is not by this public key'))
  t.strictSame(await verifyStacksMessage({ ...proof, publicKey: `${uncompressed.slice(0, -1)}${uncompressed.endsWith('0') ? '1' : '0'}` }), refused('signature is not by this public key'))

  const ofUncompressed = privateKeyToAddress(privateKey.slice(0, 64), 'mainnet')
  t.not(ofUncompressed, address)
  t.strictSame(await verifyStacksMessage({ ...proof, address: ofUncompressed }), refused('signature is not by this address'))
})

t.test('a public key of any other form is refused', async (t) => {
  const forms = [
    '', '0x', publicKey.slice(2), `00${publicKey.slice(2)}`, `04${publicKey.slice(2)}`, `05${publicKey.slice(2)}`, `06${uncompressed.slice(2)}`, `07${uncompressed.slice(2)}`, `02${uncompressed.slice(2)}`,
    `${publicKey}0`, `${publicKey}00`, publicKey.slice(0, -1), ` ${publicKey}`, `${publicKey}\n`, `0X${publicKey}`, `${publicKey.slice(0, -1)}g`, null
  ]
  for (const form of forms) t.strictSame(await verifyStacksMessage({ ...proof, publicKey: form } as StacksProof), refused('public key is not 33 or 65 bytes in hex'))
})

t.test('a signature in VRS order is refused, also where it can be read as RSV', async (t) => {
  let readable = 0
  for (let round = 0; readable === 0 || round < 20; round += 1) {
    const own = proofOf(`${message}${round}`)
    const vrs = `${own.signature.slice(128)}${own.signature.slice(0, 128)}`
    t.equal(vrs, signWithKey(privateKey, bytesToHex(hashMessage(own.message))))
    const { valid, reason } = await keepsItsWord({ ...own, signature: vrs })
    t.notOk(valid)
    if (reason !== 'signature recovery id is not supported') readable += 1
  }
})

t.test('a SIP-018 signature and other hashes of the text are refused', async (t) => {
  const domain = Cl.tuple({ name: Cl.stringAscii('app.example'), version: Cl.stringAscii('1.0.0'), 'chain-id': Cl.uint(1) })
  for (const value of [Cl.stringUtf8(message), Cl.stringAscii(message.replace('\n', ' ')), Cl.tuple({ message: Cl.stringUtf8(message) })]) {
    t.strictSame(await verifyStacksMessage({ ...proof, signature: signStructuredData({ message: value, domain, privateKey }) }), refused('signature is not by this address'))
  }

  const sha256 = (...parts: ReadonlyArray<string | Uint8Array>): Uint8Array => createHash('sha256').update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest()
  const length = Uint8Array.of(message.length)
  const hashes: ReadonlyArray<readonly [string, Uint8Array]> = [
    ['the bare text', sha256(message)],
    ['the retired prefix', sha256('\x18Stacks Message Signing:\n', length, message)],
    ['the retired prefix under the current length', sha256('\x17Stacks Message Signing:\n', length, message)],
    ['hashed twice', sha256(hashMessage(message))],
    ['no length', sha256('\x17Stacks Signed Message:\n', message)],
    ['a decimal length', sha256('\x17Stacks Signed Message:\n', String(message.length), message)],
    ['the prefix of Bitcoin', sha256('\x18Bitcoin Signed Message:\n', length, message)]
  ]
  for (const [title, hash] of hashes) {
    const foreign = signMessageHashRsv({ messageHash: bytesToHex(hash), privateKey })
    t.strictSame(await verifyStacksMessage({ ...proof, signature: foreign }), refused('signature is not by this address'), title)
  }
})

t.test('of 256 recovery ids the right one counts', async (t) => {
  for (let id = 0; id < 256; id += 1) {
    const verdict = await keepsItsWord({ ...proof, signature: `${r}${s}${id.toString(16).padStart(2, '0')}` })
    if (id === Number.parseInt(v, 16)) t.strictSame(verdict, accepted)
    else t.strictSame(verdict, refused(id < 2 ? 'signature is not by this address' : 'signature recovery id is not supported'))
  }
})

t.test('a signature of any other length is refused', async (t) => {
  const digits = signature.repeat(80)
  let refusals = 0
  for (let length = 0; length <= 10_000; length += 1) {
    if (length !== 130 && (await keepsItsWord({ ...proof, signature: digits.slice(0, length) })).reason === 'signature is not 65 bytes in hex') refusals += 1
  }
  t.equal(refusals, 10_000)
  for (const text of [`0X${signature}`, ` ${signature}`, `${signature}\n`, `0x${signature.slice(2)}`, 'zz'.repeat(65), '０'.repeat(130), `${signature}0x`, Buffer.from(signature, 'hex').toString('base64')]) {
    t.strictSame(await verifyStacksMessage({ ...proof, signature: text }), refused('signature is not 65 bytes in hex'))
  }
})

t.test('r and s count within 1 and n-1 only, and s in its lower half', async (t) => {
  const verdictOf = async (first: string, second: string, id = v): Promise<StacksVerdict> => await keepsItsWord({ ...proof, signature: `${first}${second}${id}` })
  for (const outside of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n].map(word)) {
    t.strictSame(await verdictOf(outside, s), refused('signature value is out of range'))
    t.strictSame(await verdictOf(r, outside), refused('signature value is out of range'))
  }
  for (const inside of [1n, 2n, ORDER - 1n].map(word)) t.match((await verdictOf(inside, s)).reason, /recovers no key|not by this address/)
  for (const low of [1n, ORDER / 2n].map(word)) t.strictSame(await verdictOf(r, low), refused('signature is not by this address'))
  for (const high of [ORDER / 2n + 1n, ORDER - 1n, ORDER - BigInt(`0x${s}`)].map(word)) {
    for (const id of ['00', '01']) t.strictSame(await verdictOf(r, high, id), refused('signature is not in low-s form'))
  }
  t.strictSame(await verdictOf(word(5n), s), refused('signature recovers no key'), 'no point has this r')
})

t.test('one flipped bit of the signature, the key, the address or the message and the proof fails', async (t) => {
  const flipHex = (hex: string, bit: number): string => bytesToHex(flipBit(hexToBytes(hex), bit))
  const hash = hexToBytes(stacksAccountHash(address) ?? '')
  let valid = 0
  const count = async (bent: Partial<StacksProof>): Promise<void> => { valid += (await keepsItsWord({ ...proof, ...bent })).valid ? 1 : 0 }

  for (let bit = 0; bit < 520; bit += 1) await count({ signature: flipHex(signature, bit) })
  for (let bit = 0; bit < 264; bit += 1) await count({ publicKey: flipHex(publicKey, bit) })
  for (let bit = 0; bit < 520; bit += 1) await count({ publicKey: flipHex(uncompressed, bit) })
  for (let bit = 0; bit < 160; bit += 1) await count({ address: writeC32Check({ version: 22, hash: flipBit(hash, bit) }) })
  const units = Array.from(message, (char) => char.charCodeAt(0))
  for (let bit = 0; bit < units.length * 16; bit += 1) {
    await count({ message: String.fromCharCode(...units.map((unit, at) => at === bit >> 4 ? unit ^ (1 << (bit & 15)) : unit)) })
  }
  t.equal(valid, 0)

  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat(), async (text, seed) => {
    const own = proofOf(text)
    const bent: StacksProof[] = [
      { ...own, signature: flipHex(own.signature, seed % 520) },
      { ...own, publicKey: flipHex(publicKey, seed % 264) },
      { ...own, address: writeC32Check({ version: 22, hash: flipBit(hash, seed % 160) }) },
      { ...own, message: `${text}${String.fromCharCode(seed % 128)}` }
    ]
    return (await keepsItsWord(own)).valid && (await Promise.all(bent.map(keepsItsWord))).every((verdict) => !verdict.valid)
  }), { numRuns: 50 })
})

t.test('a text that UTF-8 cannot carry is refused, not signed in as its replacement', async (t) => {
  const replaced = proofOf('a\ufffdb')
  t.strictSame(await verifyStacksMessage(replaced), accepted)
  for (const text of ['a\ud800b', 'a\udc00b']) t.strictSame(await verifyStacksMessage({ ...replaced, message: text }), refused('message is not well-formed text'))
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of [undefined, null, trap, revoked, { get message () { throw new Error('getter') } }]) {
    t.strictSame(await verifyStacksMessage(value as unknown as StacksProof), refused('input is not readable'))
  }
  for (const value of hostileValues) {
    t.equal((await keepsItsWord(value)).valid, false)
    if (typeof value !== 'string') t.strictSame(await verifyStacksMessage({ ...proof, message: value } as StacksProof), refused('message is not well-formed text'))
    t.strictSame(await verifyStacksMessage({ ...proof, signature: value } as StacksProof), refused('signature is not 65 bytes in hex'))
    t.strictSame(await verifyStacksMessage({ ...proof, address: value } as StacksProof), refused('address is not a single-key c32check address'))
    t.strictSame(await verifyStacksMessage({ ...proof, network: value } as StacksProof), refused('network is not known'))
    t.strictSame(await verifyStacksMessage({ ...proof, publicKey: value } as StacksProof), value === undefined ? accepted : refused('public key is not 33 or 65 bytes in hex'))
  }
  const hex = (size: number) => bytesOf(size).map((bytes) => bytesToHex(bytes))
  const part = fc.record({
    message: fc.oneof(fc.string({ unit: 'binary' }), anything()),
    signature: fc.oneof(hex(64).map((digits) => `${digits}00`), hex(65), anything()),
    address: fc.oneof(fc.constant(address), fc.string(), anything()),
    network: fc.oneof(fc.constantFrom('mainnet', 'testnet', 'devnet'), anything()),
    publicKey: fc.oneof(fc.constant(publicKey), fc.constant(undefined), hex(33), anything())
  }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(fc.oneof(anything(), part), async (value) => !(await keepsItsWord(value)).valid), { numRuns: 1_000 })
})

t.test('no size of input takes it long', async (t) => {
  const huge = 'a'.repeat(100_000_000)
  const started = performance.now()
  t.strictSame(await verifyStacksMessage({ ...proof, message: huge }), refused('message is too long'))
  t.strictSame(await verifyStacksMessage({ ...proof, message: '\u{1f600}'.repeat(32_768) }), refused('signature is not by this address'))
  t.strictSame(await verifyStacksMessage({ ...proof, signature: huge }), refused('signature is not 65 bytes in hex'))
  t.strictSame(await verifyStacksMessage({ ...proof, publicKey: huge }), refused('public key is not 33 or 65 bytes in hex'))
  t.strictSame(await verifyStacksMessage({ ...proof, address: `SP${huge}` }), refused('address is not a single-key c32check address'))
  t.strictSame(await verifyStacksMessage({ ...proof, network: huge as StacksNetwork }), refused('network is not known'))
  t.equal(canonicalStacksAddress(huge, 'mainnet'), undefined)
  t.equal(stacksAccountHash(huge), undefined)
  t.ok(performance.now() - started < 2_000)
})

t.test('many at once do not meet', async (t) => {
  const verdicts = await Promise.all(Array.from({ length: 200 }, async (_, index) => await verifyStacksMessage(index % 2 === 0 ? proof : { ...proof, message: `${message}${index}` })))
  t.ok(verdicts.every((verdict, index) => verdict.valid === (index % 2 === 0)))
})

t.test('the README names every reason', async (t) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  for (const reason of stacksRefusals) t.ok(readme.includes(`\`${reason}\``), reason)
})
