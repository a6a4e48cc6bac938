import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { makeSignDoc, Secp256k1HdWallet, Secp256k1Wallet, serializeSignDoc, type StdSignDoc } from '@cosmjs/amino'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { hexToBytes } from '@noble/hashes/utils.js'
import { bech32 } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import { privateKeyToAddress } from 'viem/accounts'
import { canonicalCosmosAddress, cosmosAccountHash, cosmosPrefixes, verifyCosmosMessage, type CosmosMode, type CosmosProof, type CosmosRefusal, type CosmosVerdict } from '../../src/index.ts'
import { cosmosRefusals } from '../../src/cosmos/refusals.ts'
import { arbitrarySignDoc } from '../../src/cosmos/sign-doc.ts'
import { anything, bytesOf, flipBit, hostileValues, revoked, trap } from '../input/hostile-values.ts'

const ORDER = secp256k1.Point.CURVE().n
const secretKey = hexToBytes('4d1a0ee2c3a5b6978877665544332211aabbccddeeff00998877665544332211')
const compressed = secp256k1.getPublicKey(secretKey, true)
const publicKey = toBase64(compressed)
const message = 'app.example wants you to sign in with your Cosmos account:\nNonce: 32891756'

/** What a wallet's signArbitrary hands to amino. */
const signDocOf = (text: string, signer: string): StdSignDoc =>
  makeSignDoc([{ type: 'sign/MsgSignData', value: { signer, data: toBase64(Buffer.from(text)) } }], { gas: '0', amount: [] }, '', '', 0, 0)

async function signDoc (doc: StdSignDoc, prefix = 'cosmos'): Promise<string> {
  const wallet = await Secp256k1Wallet.fromKey(secretKey, prefix)
  const [account] = await wallet.getAccounts()
  return (await wallet.signAmino(account?.address ?? '', doc)).signature.signature
}

async function proofOf (text: string, prefix = 'cosmos'): Promise<CosmosProof> {
  const address = bech32.encodeFromBytes(prefix, hash160(compressed))
  return { message: text, signature: await signDoc(signDocOf(text, address), prefix), publicKey, address }
}

/** As Injective's and Evmos' wallets sign: same document, keccak-256. */
function ethereumProofOf (text: string, prefix = 'inj', key = secretKey): CosmosProof {
  const address = bech32.encodeFromBytes(prefix, hexToBytes(privateKeyToAddress(`0x${Buffer.from(key).toString('hex')}`).slice(2)))
  const signature = secp256k1.sign(keccak_256(serializeSignDoc(signDocOf(text, address))), key, { prehash: false })
  return { message: text, signature: toBase64(signature), publicKey: toBase64(secp256k1.getPublicKey(key, true)), address, mode: 'ethsecp256k1' }
}

const proof = await proofOf(message)
const { signature, address } = proof
const accepted: CosmosVerdict = { valid: true, address, method: 'secp256k1' }
const refused = (reason: CosmosRefusal): CosmosVerdict => ({ valid: false, reason })

/** Any value: a verdict of the right shape, valid or with a reason of the closed set. */
async function keepsItsWord (value: unknown): Promise<CosmosVerdict> {
  const verdict = await verifyCosmosMessage(value as CosmosProof)
  const honest = verdict.valid ? verdict.reason === undefined : verdict.reason !== undefined && cosmosRefusals.includes(verdict.reason) && Object.keys(verdict).length === 2
  if (!honest) throw new Error('a verdict of no known shape')
  return verdict
}

t.test('what a wallet signs is valid, whatever the text', async (t) => {
  t.strictSame(await verifyCosmosMessage(proof), accepted)
  const texts = ['', ' ', '\0', '<b>&amp;</b>', '\\u0026 & < >', '"}],"sequence":"1"', 'é', '日本語', '👩‍👩‍👧', '\u2028', '\ufffd', '\ufeffa', 'a\r\nb', 'a'.repeat(65_536), '\u{1f600}'.repeat(32_768)]
  for (const [index, text] of texts.entries()) t.strictSame(await verifyCosmosMessage(await proofOf(text)), accepted, `text ${index}`)

  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.constantFrom(...cosmosPrefixes.secp256k1), async (text, prefix) => {
    const verdict = await verifyCosmosMessage(await proofOf(text, prefix))
    return verdict.valid && verdict.address?.startsWith(`${prefix}1`)
  }), { numRuns: 50 })
})

t.test('the bytes to sign are those of amino', async (t) => {
  for (const text of ['', message, '<&>', '日本語 & \u2028']) {
    t.equal(Buffer.from(arbitrarySignDoc(Buffer.from(text), address)).toString(), Buffer.from(serializeSignDoc(signDocOf(text, address))).toString())
  }
  t.equal(
    Buffer.from(arbitrarySignDoc(Buffer.from('<&>'), 'cosmos1a')).toString(),
    '{"account_number":"0","chain_id":"","fee":{"amount":[],"gas":"0"},"memo":"","msgs":[{"type":"sign/MsgSignData","value":{"data":"PCY+","signer":"cosmos1a"}}],"sequence":"0"}'
  )
})

t.test('a wallet from a mnemonic signs in under each of its chains', async (t) => {
  const mnemonic = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about'
  for (const [prefix, known] of [['cosmos', 'cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4'], ['osmo', undefined], ['secret', undefined]] as const) {
    const wallet = await Secp256k1HdWallet.fromMnemonic(mnemonic, { prefix })
    const [account] = await wallet.getAccounts()
    const own = account?.address ?? ''
    const { signature: { signature, pub_key: key } } = await wallet.signAmino(own, signDocOf(message, own))

    t.strictSame(await verifyCosmosMessage({ message, signature, publicKey: key.value, address: own }), { valid: true, address: own, method: 'secp256k1' })
    if (known !== undefined) t.equal(own, known)
  }
})

t.test('Ethereum-style keys sign in where that mode is asked for, and nowhere else', async (t) => {
  for (const prefix of cosmosPrefixes.ethsecp256k1) {
    const own = ethereumProofOf(message, prefix)
    t.strictSame(await verifyCosmosMessage(own), { valid: true, address: own.address, method: 'ethsecp256k1' })
    t.strictSame(await verifyCosmosMessage({ ...own, mode: 'secp256k1' }), refused('address prefix is not accepted'))
    t.strictSame(await verifyCosmosMessage({ ...own, mode: 'secp256k1', prefixes: [prefix] }), refused('public key is not of this address'))
  }
  t.strictSame(await verifyCosmosMessage({ ...proof, mode: 'ethsecp256k1' }), refused('address prefix is not accepted'))
  t.strictSame(await verifyCosmosMessage({ ...proof, mode: 'ethsecp256k1', prefixes: ['cosmos'] }), refused('public key is not of this address'))

  // The right address, but the digest of the other mode.
  const own = ethereumProofOf(message)
  const sha256 = createHash('sha256').update(serializeSignDoc(signDocOf(message, own.address))).digest()
  t.strictSame(await verifyCosmosMessage({ ...own, signature: toBase64(secp256k1.sign(sha256, secretKey, { prehash: false })) }), refused('signature is not by this key'))
  const keccak = keccak_256(serializeSignDoc(signDocOf(message, address)))
  t.strictSame(await verifyCosmosMessage({ ...proof, signature: toBase64(secp256k1.sign(keccak, secretKey, { prehash: false })) }), refused('signature is not by this key'))

  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 50 }), async (text) =>
    (await verifyCosmosMessage(ethereumProofOf(text, 'evmos', secp256k1.utils.randomSecretKey()))).valid), { numRuns: 30 })

  for (const mode of ['', 'SECP256K1', 'ed25519', null, 1, {}, ['secp256k1']]) t.strictSame(await verifyCosmosMessage({ ...proof, mode: mode as CosmosMode }), refused('mode is not known'))
})

t.test('one key is one account under cosmos1 and secret1, but each address needs its own signature', async (t) => {
  const secret = await proofOf(message, 'secret')
  t.strictSame(await verifyCosmosMessage(secret), { valid: true, address: secret.address, method: 'secp256k1' })
  t.equal(cosmosAccountHash(secret.address), cosmosAccountHash(address))
  t.strictSame(await verifyCosmosMessage({ ...secret, signature }), refused('signature is not by this key'))
})

t.test('upper case is the same address, mixed case is none', async (t) => {
  t.strictSame(await verifyCosmosMessage({ ...proof, address: address.toUpperCase() }), accepted)
  t.strictSame(await verifyCosmosMessage({ ...proof, address: `C${address.slice(1)}` }), refused('address is not 20 bytes in bech32'))
})

t.test('the prefix must be on the list', async (t) => {
  const own = await proofOf(message, 'mychain')
  t.strictSame(await verifyCosmosMessage(own), refused('address prefix is not accepted'))
  t.strictSame(await verifyCosmosMessage({ ...own, prefixes: ['cosmos', 'mychain'] }), { valid: true, address: own.address, method: 'secp256k1' })
  t.strictSame(await verifyCosmosMessage({ ...proof, prefixes: ['mychain'] }), refused('address prefix is not accepted'))
  t.strictSame(await verifyCosmosMessage({ ...proof, prefixes: [] }), refused('address prefix is not accepted'))
  for (const prefixes of [null, 'cosmos', {}, ['Cosmos'], ['cosmos', undefined], [['cosmos']], new Array(1_001).fill('cosmos')]) {
    t.strictSame(await verifyCosmosMessage({ ...proof, prefixes } as unknown as CosmosProof), refused('prefixes are not a list of lower-case bech32 prefixes'))
  }
})

t.test('the claimed address is never believed', async (t) => {
  const other = secp256k1.getPublicKey(secp256k1.utils.randomSecretKey(), true)
  const otherAddress = bech32.encodeFromBytes('cosmos', hash160(other))
  t.strictSame(await verifyCosmosMessage({ ...proof, address: otherAddress }), refused('public key is not of this address'))
  t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: toBase64(other) }), refused('public key is not of this address'))
  t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: toBase64(other), address: otherAddress }), refused('signature is not by this key'))

  // My key signs a document that names another's address.
  const foreign = secp256k1.sign(serializeSignDoc(signDocOf(message, otherAddress)), secretKey)
  t.strictSame(await verifyCosmosMessage({ ...proof, signature: toBase64(foreign) }), refused('signature is not by this key'))
})

t.test('the signature of any other document is refused', async (t) => {
  const doc = signDocOf(message, address)
  const data = toBase64(Buffer.from(message))
  const send = { type: 'cosmos-sdk/MsgSend', value: { from_address: address, to_address: address, amount: [{ denom: 'uatom', amount: '1' }] } }
  const others: StdSignDoc[] = [
    { ...doc, chain_id: 'cosmoshub-4' },
    { ...doc, account_number: '1' },
    { ...doc, sequence: '1' },
    { ...doc, memo: ' ' },
    { ...doc, fee: { gas: '1', amount: [] } },
    { ...doc, fee: { gas: '0', amount: [{ denom: 'uatom', amount: '0' }] } },
    { ...doc, msgs: [] },
    { ...doc, msgs: [...doc.msgs, ...doc.msgs] },
    { ...doc, msgs: [...doc.msgs, send] },
    { ...doc, msgs: [{ type: 'sign/MsgSignText', value: { data, signer: address } }] },
    { ...doc, msgs: [{ type: 'sign/MsgSignData', value: { data: message, signer: address } }] },
    { ...doc, timeout_height: '1' },
    makeSignDoc([send], { gas: '80000', amount: [{ denom: 'uatom', amount: '2000' }] }, 'cosmoshub-4', message, 4287, 377)
  ]
  for (const [index, other] of others.entries()) {
    const foreign = await signDoc(other)
    const texts = [message, data, JSON.stringify(other), Buffer.from(serializeSignDoc(other)).toString(), toBase64(serializeSignDoc(other))]
    for (const text of texts) t.strictSame(await verifyCosmosMessage({ ...proof, message: text, signature: foreign }), refused('signature is not by this key'), `document ${index}`)
  }
  const plain = secp256k1.sign(Buffer.from(message), secretKey)
  t.strictSame(await verifyCosmosMessage({ ...proof, signature: toBase64(plain) }), refused('signature is not by this key'), 'no document at all')
})

t.test('base64 has one spelling', async (t) => {
  const variants = (text: string): string[] => [
    '', text.replace(/=+$/, ''), `${text}=`, `${text}==`, `${text}\n`, ` ${text}`, `${text.slice(0, 40)}\n${text.slice(40)}`, `${text}AAAA`, text.slice(0, -4), `${text.slice(0, 8)}!${text.slice(8)}`,
    Buffer.from(text, 'base64').toString('hex'), `0x${Buffer.from(text, 'base64').toString('hex')}`
  ].filter((variant) => variant !== text)
  for (const variant of variants(signature)) t.strictSame(await verifyCosmosMessage({ ...proof, signature: variant }), refused('signature is not 64 bytes in base64'))
  for (const variant of variants(publicKey)) t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: variant }), refused('public key is not 33 compressed bytes in base64'))

  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const last = digits.indexOf(signature.charAt(85))
  for (let spare = 1; spare < 16; spare += 1) {
    const text = `${signature.slice(0, 85)}${digits.charAt(last + spare)}==`
    t.equal(Buffer.from(text, 'base64').toString('base64'), signature, 'the platform reads the same bytes')
    t.strictSame(await verifyCosmosMessage({ ...proof, signature: text }), refused('signature is not 64 bytes in base64'))
  }
  let urlAlphabet = 0
  for (let round = 0; round < 20; round += 1) {
    const own = await proofOf(`${message}${round}`)
    const text = own.signature.replaceAll('+', '-').replaceAll('/', '_')
    if (text === own.signature) continue
    urlAlphabet += 1
    t.strictSame(await verifyCosmosMessage({ ...own, signature: text }), refused('signature is not 64 bytes in base64'))
  }
  t.ok(urlAlphabet > 0)
})

t.test('only a compressed key counts', async (t) => {
  const rest = compressed.subarray(1)
  for (const first of [0, 1, 4, 5, 6, 7, 255]) t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: toBase64([first, ...rest]) }), refused('public key is not 33 compressed bytes in base64'))
  const amino = Buffer.from(`eb5ae98721${Buffer.from(compressed).toString('hex')}`, 'hex')
  for (const key of [secp256k1.getPublicKey(secretKey, false), rest, [...compressed, 0], amino]) {
    t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: toBase64(key) }), refused('public key is not 33 compressed bytes in base64'))
  }
  // No point has this abscissa; the address is rightly derived from it all the same.
  const noPoint = hexToBytes(`02${'5'.padStart(64, '0')}`)
  const own = { ...proof, publicKey: toBase64(noPoint), address: bech32.encodeFromBytes('cosmos', hash160(noPoint)) }
  t.strictSame(await verifyCosmosMessage(own), refused('signature is not by this key'))
  t.strictSame(await verifyCosmosMessage({ ...own, mode: 'ethsecp256k1', prefixes: ['cosmos'] }), refused('public key is not of this address'))
})

t.test('r and s count within 1 and n-1 only, and s in its lower half', async (t) => {
  const bytes = Buffer.from(signature, 'base64')
  const [r, s] = [bytes.subarray(0, 32), bytes.subarray(32)]
  const verdictOf = async (first: Uint8Array, second: Uint8Array): Promise<CosmosVerdict> => await keepsItsWord({ ...proof, signature: toBase64([...first, ...second]) })

  for (const outside of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n].map(word)) {
    t.strictSame(await verdictOf(outside, s), refused('signature value is out of range'))
    t.strictSame(await verdictOf(r, outside), refused('signature value is out of range'))
  }
  for (const inside of [1n, 2n, ORDER - 1n].map(word)) t.strictSame(await verdictOf(inside, s), refused('signature is not by this key'))
  for (const low of [1n, ORDER / 2n].map(word)) t.strictSame(await verdictOf(r, low), refused('signature is not by this key'))
  for (const high of [ORDER / 2n + 1n, ORDER - 1n, ORDER - BigInt(`0x${s.toString('hex')}`)].map(word)) t.strictSame(await verdictOf(r, high), refused('signature is not in low-s form'))
})

t.test('a signature of any other length is refused', async (t) => {
  for (const length of [...Array.from({ length: 200 }, (_, index) => index), 10_000]) {
    if (length !== 64) t.strictSame(await verifyCosmosMessage({ ...proof, signature: toBase64(new Uint8Array(length).fill(1)) }), refused('signature is not 64 bytes in base64'))
  }
  const recoverable = [...Buffer.from(signature, 'base64'), 27]
  t.strictSame(await verifyCosmosMessage({ ...proof, signature: toBase64(recoverable) }), refused('signature is not 64 bytes in base64'))
})

t.test('one flipped bit of the signature, the key, the address or the message and the proof fails', async (t) => {
  for (const whole of [proof, ethereumProofOf(message)]) {
    t.ok((await verifyCosmosMessage(whole)).valid)
    const prefix = whole.address.slice(0, whole.address.indexOf('1'))
    const { bytes: hash } = bech32.decodeToBytes(whole.address)
    const units = Array.from(message, (char) => char.charCodeAt(0))
    let valid = 0
    const count = async (bent: Partial<CosmosProof>): Promise<void> => { valid += (await keepsItsWord({ ...whole, ...bent })).valid ? 1 : 0 }

    for (let bit = 0; bit < 512; bit += 1) await count({ signature: toBase64(flipBit(Buffer.from(whole.signature, 'base64'), bit)) })
    for (let bit = 0; bit < 264; bit += 1) await count({ publicKey: toBase64(flipBit(compressed, bit)) })
    for (let bit = 0; bit < 160; bit += 1) await count({ address: bech32.encodeFromBytes(prefix, flipBit(hash, bit)) })
    for (let bit = 0; bit < units.length * 16; bit += 1) {
      await count({ message: String.fromCharCode(...units.map((unit, at) => at === bit >> 4 ? unit ^ (1 << (bit & 15)) : unit)) })
    }
    t.equal(valid, 0)
  }

  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat(), async (text, seed) => {
    const own = await proofOf(text)
    const bent: CosmosProof[] = [
      { ...own, signature: toBase64(flipBit(Buffer.from(own.signature, 'base64'), seed % 512)) },
      { ...own, publicKey: toBase64(flipBit(compressed, seed % 264)) },
      { ...own, address: bech32.encodeFromBytes('cosmos', flipBit(bech32.decodeToBytes(own.address).bytes, seed % 160)) },
      { ...own, message: `${text}${String.fromCharCode(seed % 128)}` }
    ]
    return (await keepsItsWord(own)).valid && (await Promise.all(bent.map(keepsItsWord))).every((verdict) => !verdict.valid)
  }), { numRuns: 50 })
})

t.test('a text that UTF-8 cannot carry is refused, not signed in as its replacement', async (t) => {
  const replaced = await proofOf('a\ufffdb')
  t.strictSame(await verifyCosmosMessage(replaced), accepted)
  for (const text of ['a\ud800b', 'a\udc00b']) t.strictSame(await verifyCosmosMessage({ ...replaced, message: text }), refused('message is not well-formed text'))
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of [undefined, null, trap, revoked, { get message () { throw new Error('getter') } }]) {
    t.strictSame(await verifyCosmosMessage(value as unknown as CosmosProof), refused('input is not readable'))
  }
  const throwing = new Proxy(['cosmos'], { get (target, key) { if (key === '0') throw new Error('trap'); return Reflect.get(target, key) } })
  for (const value of [...hostileValues, throwing]) {
    t.equal((await keepsItsWord(value)).valid, false)
    if (typeof value !== 'string') t.strictSame(await verifyCosmosMessage({ ...proof, message: value } as CosmosProof), refused('message is not well-formed text'))
    t.strictSame(await verifyCosmosMessage({ ...proof, signature: value } as CosmosProof), refused('signature is not 64 bytes in base64'))
    t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: value } as CosmosProof), refused('public key is not 33 compressed bytes in base64'))
    t.strictSame(await verifyCosmosMessage({ ...proof, address: value } as CosmosProof), refused('address is not 20 bytes in bech32'))
    if (value === undefined) continue
    t.strictSame(await verifyCosmosMessage({ ...proof, mode: value } as CosmosProof), refused('mode is not known'))
    t.match((await verifyCosmosMessage({ ...proof, prefixes: value } as CosmosProof)).reason, /prefix/)
  }
  t.strictSame(await verifyCosmosMessage({ ...proof, mode: undefined, prefixes: undefined }), accepted)

  const base64 = (size: number) => bytesOf(size).map(toBase64)
  const part = fc.record({
    message: fc.oneof(fc.string({ unit: 'binary' }), anything()),
    signature: fc.oneof(base64(64), fc.base64String(), anything()),
    publicKey: fc.oneof(fc.constant(publicKey), base64(33), anything()),
    address: fc.oneof(fc.constant(address), fc.string(), anything()),
    prefixes: fc.oneof(fc.array(fc.string()), fc.constant(undefined), anything()),
    mode: fc.oneof(fc.constantFrom('secp256k1', 'ethsecp256k1', undefined), anything())
  }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(fc.oneof(anything(), part), async (value) => !(await keepsItsWord(value)).valid), { numRuns: 1_000 })
})

t.test('no size of input takes it long', async (t) => {
  const huge = 'a'.repeat(100_000_000)
  const started = performance.now()
  t.strictSame(await verifyCosmosMessage({ ...proof, message: huge }), refused('message is too long'))
  t.strictSame(await verifyCosmosMessage({ ...proof, signature: huge }), refused('signature is not 64 bytes in base64'))
  t.strictSame(await verifyCosmosMessage({ ...proof, publicKey: huge }), refused('public key is not 33 compressed bytes in base64'))
  t.strictSame(await verifyCosmosMessage({ ...proof, address: `cosmos1${huge}` }), refused('address is not 20 bytes in bech32'))
  t.strictSame(await verifyCosmosMessage({ ...proof, prefixes: [huge] }), refused('prefixes are not a list of lower-case bech32 prefixes'))
  t.strictSame(await verifyCosmosMessage({ ...proof, prefixes: new Array(4_000_000_000) }), refused('prefixes are not a list of lower-case bech32 prefixes'))
  t.strictSame(await verifyCosmosMessage({ ...ethereumProofOf('a'), message: '\u{1f600}'.repeat(32_768) }), refused('signature is not by this key'))
  t.equal(canonicalCosmosAddress(huge), undefined)
  t.equal(cosmosAccountHash(huge), undefined)
  t.ok(performance.now() - started < 2_000)
})

t.test('many at once do not meet', async (t) => {
  const verdicts = await Promise.all(Array.from({ length: 200 }, async (_, index) => await verifyCosmosMessage(index % 2 === 0 ? proof : { ...proof, message: `${message}${index}` })))
  t.ok(verdicts.every((verdict, index) => verdict.valid === (index % 2 === 0)))
})

t.test('the README names every reason', async (t) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  for (const reason of cosmosRefusals) t.ok(readme.includes(`\`${reason}\``), reason)
})

function toBase64 (bytes: ArrayLike<number>): string {
  return Buffer.from(Uint8Array.from(bytes)).toString('base64')
}

function word (value: bigint): Uint8Array {
  return hexToBytes(value.toString(16).padStart(64, '0'))
}

function hash160 (key: Uint8Array): Uint8Array {
  return ripemd160(createHash('sha256').update(key).digest())
}
