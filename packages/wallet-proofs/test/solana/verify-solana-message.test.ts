import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ed25519 } from '@noble/curves/ed25519.js'
import { base58 } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import { verifySolanaMessage, type SolanaProof, type SolanaRefusal, type SolanaVerdict } from '../../src/index.ts'
import { solanaRefusals } from '../../src/solana/refusals.ts'
import { anything, bytesOf, flipBit, hostileValues, revoked, trap } from '../input/hostile-values.ts'

const refused = (reason: SolanaRefusal): SolanaVerdict => ({ valid: false, reason })
const inBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

interface Wallet { readonly address: string, readonly key: Uint8Array, readonly sign: (bytes: Uint8Array | string) => Uint8Array }
const walletOf = (publicKey: KeyObject, privateKey: KeyObject): Wallet => {
  const key = new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'))
  return { address: base58.encode(key), key, sign: (bytes) => new Uint8Array(sign(null, Buffer.from(bytes as string), privateKey)) }
}
const newWallet = (): Wallet => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return walletOf(publicKey, privateKey)
}

const wallet = newWallet()
const { address } = wallet
const textFor = (domain: string, more = ''): string => [
  `${domain} wants you to sign in with your Solana account:`, address, '', `Sign in.${more}`, '', `URI: https://${domain}/`, 'Version: 1', 'Nonce: a1b2c3d4', 'Issued At: 2030-01-01T00:00:00Z'
].join('\n')
const message = textFor('example.com')
const signature = base58.encode(wallet.sign(message))

/** The envelope field by field, as docs.anza.xyz/proposals/off-chain-message-signing lists them; each can be bent. */
const fields = (domain: string, text: string, signer = wallet.key) => ({
  signingDomain: Buffer.from('ff736f6c616e61206f6666636861696e', 'hex'),
  version: Buffer.of(0),
  applicationDomain: Buffer.concat([Buffer.from(domain), Buffer.alloc(32)]).subarray(0, 32),
  format: Buffer.of(0),
  signerCount: Buffer.of(1),
  signers: Buffer.from(signer),
  length: Buffer.of(Buffer.byteLength(text) % 256, Buffer.byteLength(text) >> 8),
  text: Buffer.from(text)
})
const envelope = (parts: ReturnType<typeof fields>): Uint8Array => Buffer.concat(Object.values(parts))
const offchain = (domain: string, text: string, by = wallet): string => base58.encode(by.sign(envelope(fields(domain, text, by.key))))

/** Any value: a verdict of the right shape, valid or with a reason of the closed set. */
const keepsItsWord = async (proof: unknown): Promise<SolanaVerdict> => {
  const verdict = await verifySolanaMessage(proof as SolanaProof)
  const honest = verdict.valid
    ? verdict.reason === undefined && (verdict.method === 'raw' || verdict.method === 'offchain') && Object.keys(verdict).length === 3
    : verdict.reason !== undefined && solanaRefusals.includes(verdict.reason) && Object.keys(verdict).length === 2
  if (!honest) throw new Error('a verdict of no known shape')
  return verdict
}

t.test('what wallets in the field have signed is valid, by a Ledger in its envelope', async (t) => {
  // supabase/auth, internal/api/web3_test.go: two by a software wallet, two by a Ledger.
  const signedBy = [
    ['raw', '2EZEiBdw47VHT6SpZSW9VnuSvBe7DxuYHBTxj19gxvv8', 'supabase.com', '\n\nStatement\n\nURI: https://supabase.com/\nVersion: 1\nIssued At: 2025-03-29T00:00:00Z\nExpiration Time: 2025-03-29T00:10:00Z\nNot Before: 2025-03-29T00:00:00Z', 'aiKn+PAoB1OoXxS8H34HrB456YD4sKAVjeTjsxgkaQy3bkdV51WBTmUUE9lBU9kuXr0hTLI+1aTn5TFRbIF8CA=='],
    ['raw', '4UPcfLX6rHuunkDiCnrVdN2BxnaKUAT1m2KCrzaAAct6', 'localhost:5173', '\n\nSign in on localhost\n\nURI: http://localhost:5173/\nVersion: 1\nIssued At: 2025-05-16T14:52:03.613Z', 'RT2JCFpZQtPwGONApGZn1dZnxOBB3zJZHAQPr+cOaI+eQ4ecw/N6zJ6TNw8a+g8n6Xm/Ky1TVZRuWHSxMU1jDg=='],
    ['offchain', 'EqzxWVyBpLD34SV9w1FFpPPvbfrfAXdiDVg1cyHTR1Rv', 'supabase.com', '\n\nI confirm ownership of this wallet\n\nVersion: 1\nURI: https://supabase.com/\nIssued At: 2025-07-29T22:29:52.235Z', '9slc0BBJw16TzWYs4/op8na3vt9E0CKt0FL5pqhzTDxvqF/txpbdo+ULDCeSzrDE/uJWmpMQw+hF0rkDj4Q0Bw=='],
    ['offchain', 'EqzxWVyBpLD34SV9w1FFpPPvbfrfAXdiDVg1cyHTR1Rv', 'localhost:5173', '\n\nI confirm ownership of this wallet\n\nVersion: 1\nURI: http://localhost:5173/\nIssued At: 2025-07-29T22:35:10.473Z', '28d9ntDE8iPkxPvzg7A+8/6QFSq8FoPIdV4O5Or6nMDRFrEip/UJKIlLlKXM/SKUeLZmnTcc+V7Y6qnQymUDDg==']
  ] as const
  for (const [method, address, domain, rest, signature] of signedBy) {
    const message = `${domain} wants you to sign in with your Solana account:\n${address}${rest}`
    t.strictSame(await verifySolanaMessage({ message, signature, address }), { valid: true, address, method })
    t.strictSame(await verifySolanaMessage({ message: message.replace(domain, 'evil.example'), signature, address }), refused('signature is not by this address'))
  }
})

t.test('what node:crypto and noble sign is valid, whatever the text', async (t) => {
  for (const text of ['', ' ', '\0', 'a'.repeat(65_536), 'é', '日本語', '👩‍👩‍👧', '\ufffd', '\ufeffa', 'a\r\nb', '\x80', message]) {
    t.strictSame(await verifySolanaMessage({ message: text, signature: base58.encode(wallet.sign(text)), address }), { valid: true, address, method: 'raw' })
  }
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), bytesOf(32), async (text, secretKey) => {
    const address = base58.encode(ed25519.getPublicKey(secretKey))
    const verdict = await verifySolanaMessage({ message: text, signature: base58.encode(ed25519.sign(Buffer.from(text), secretKey)), address })
    return verdict.valid && verdict.address === address && verdict.method === 'raw'
  }), { numRuns: 60 })
})

t.test('the envelope is valid for a domain of 1 to 32 characters and a text of any length that it can tell', async (t) => {
  for (const domain of ['a', 'example.com', 'localhost:3000', 'user@example.com:443', '[::1]:8080', 'a'.repeat(31), 'a'.repeat(32)]) {
    const text = textFor(domain)
    t.strictSame(await verifySolanaMessage({ message: text, signature: offchain(domain, text), address }), { valid: true, address, method: 'offchain' }, domain)
  }
  for (const length of [1, 180, 255, 256, 1_212, 65_000]) {
    const text = textFor('example.com', 'a'.repeat(length))
    t.strictSame(await verifySolanaMessage({ message: text, signature: offchain('example.com', text), address }), { valid: true, address, method: 'offchain' }, `${text.length} bytes`)
  }
  const longest = textFor('example.com', 'a'.repeat(65_535 - message.length))
  t.match(await verifySolanaMessage({ message: longest, signature: offchain('example.com', longest), address }), { valid: true, method: 'offchain' })
  const beyond = textFor('example.com', 'a'.repeat(65_536 - message.length))
  t.strictSame(await verifySolanaMessage({ message: beyond, signature: offchain('example.com', beyond), address }), refused('signature is not by this address'))
})

t.test('an envelope for another application is refused', async (t) => {
  for (const domain of ['evil.example', 'example.co', 'example.comm', 'Example.com', 'example.com.', 'www.example.com', ' example.com', 'https://example.com', '']) {
    t.strictSame(await verifySolanaMessage({ message, signature: offchain(domain, message), address }), refused('signature is not by this address'), domain)
  }
  const long = 'a'.repeat(33)
  t.strictSame(await verifySolanaMessage({ message: textFor(long), signature: offchain(long, textFor(long)), address }), refused('signature is not by this address'), 'cut to 32 characters, it would be another domain')
})

t.test('an envelope with any field bent is refused', async (t) => {
  const straight = fields('example.com', message)
  const other = newWallet()
  const bent: Record<string, Partial<typeof straight>> = {
    'another preamble': { signingDomain: Buffer.from('\xffsolana Offchain', 'latin1') },
    'a preamble in UTF-8': { signingDomain: Buffer.from('\xffsolana offchain', 'utf8') },
    'no preamble': { signingDomain: Buffer.alloc(0) },
    'version 1': { version: Buffer.of(1) },
    'no application domain': { applicationDomain: Buffer.alloc(0) },
    'an application domain padded with spaces': { applicationDomain: Buffer.from('example.com'.padEnd(32)) },
    'an application domain padded in front': { applicationDomain: Buffer.from('example.com'.padStart(32, '\0')) },
    'format 1': { format: Buffer.of(1) },
    'format 2': { format: Buffer.of(2) },
    'no signer': { signerCount: Buffer.of(0), signers: Buffer.alloc(0) },
    'another signer': { signers: Buffer.from(other.key) },
    'two signers': { signerCount: Buffer.of(2), signers: Buffer.concat([wallet.key, other.key]) },
    'a length in big-endian': { length: Buffer.from(straight.length).reverse() },
    'a length of less': { length: Buffer.of(message.length - 1, 0) },
    'no length': { length: Buffer.alloc(0) },
    'another text': { text: Buffer.from(message.replace('a1b2', 'a1b3')) },
    'the short header of older tools': { applicationDomain: Buffer.alloc(0), signerCount: Buffer.alloc(0), signers: Buffer.alloc(0) }
  }
  t.match(await verifySolanaMessage({ message, signature: base58.encode(wallet.sign(envelope(straight))), address }), { valid: true })
  for (const [title, change] of Object.entries(bent)) {
    const signature = base58.encode(wallet.sign(envelope({ ...straight, ...change })))
    t.strictSame(await verifySolanaMessage({ message, signature, address }), refused('signature is not by this address'), title)
  }
})

t.test('a text without the greeting in its first line has no envelope', async (t) => {
  const texts = ['', 'a', '\n', `\n${message}`, message.replace(':\n', '\n'), message.replace(':\n', ':\r\n'), message.replace(':\n', ': \n'), message.replace(' wants', '  wants'), message.replace('Solana', 'Ethereum'),
    message.replace('example.com', ''), message.replace('example.com', 'example.com\0'), message.replace('example.com', 'exämple.com'), message.replace('example.com', 'an example.com'), message.replace('example.com', '\texample.com')]
  for (const text of texts) {
    for (const domain of ['', 'example.com', 'exämple.com', 'an example.com', '\texample.com']) {
      t.strictSame(await verifySolanaMessage({ message: text, signature: offchain(domain, text), address }), refused('signature is not by this address'))
    }
  }
  const alone = 'example.com wants you to sign in with your Solana account:'
  t.match(await verifySolanaMessage({ message: alone, signature: offchain('example.com', alone), address }), { valid: true, method: 'offchain' })
  const confirmation = alone.replace('sign in', 'confirm an action')
  t.match(await verifySolanaMessage({ message: confirmation, signature: offchain('example.com', confirmation), address }), { valid: true, method: 'offchain' })
  t.strictSame(await verifySolanaMessage({ message: confirmation, signature: offchain('example.com', alone), address }), refused('signature is not by this address'))
  t.strictSame(await verifySolanaMessage({ message: confirmation, signature: offchain('evil.example', confirmation), address }), refused('signature is not by this address'))
})

t.test('the signature may come in base58 or base64, named or not', async (t) => {
  const bytes = wallet.sign(message)
  const texts = { base58: base58.encode(bytes), base64: inBase64(bytes) }
  const accepted: SolanaVerdict = { valid: true, address, method: 'raw' }
  for (const [encoding, signature] of Object.entries(texts) as Array<['base58' | 'base64', string]>) {
    const other = encoding === 'base58' ? 'base64' : 'base58'
    t.strictSame(await verifySolanaMessage({ message, signature, address }), accepted)
    t.strictSame(await verifySolanaMessage({ message, signature, address, encoding }), accepted)
    t.strictSame(await verifySolanaMessage({ message, signature, address, encoding: other }), refused('signature is not 64 bytes in base58 or base64'))
  }
  // Zeros in front make a base58 text that is as long as base64 of fewer bytes.
  for (const zeros of [4, 8, 64]) {
    const text = base58.encode(new Uint8Array(64).fill(7, zeros))
    for (const encoding of [undefined, 'base58'] as const) t.not((await verifySolanaMessage({ message, signature: text, address, ...(encoding && { encoding }) })).reason, 'signature is not 64 bytes in base58 or base64')
  }
  for (const encoding of ['', 'hex', 'BASE58', 'base64url', 'constructor', '__proto__', null, 58, {}, ['base58'], trap, Symbol('base58')]) {
    t.strictSame(await verifySolanaMessage({ message, signature, address, encoding } as unknown as SolanaProof), refused('encoding is not supported'))
  }
})

t.test('no text reads in both encodings', async (t) => {
  const text = fc.oneof(bytesOf(64).map(inBase64), bytesOf(64).map((bytes) => base58.encode(bytes)), fc.string({ unit: fc.constantFrom(...'Az19+/='), minLength: 64, maxLength: 88 }))
  await fc.assert(fc.asyncProperty(text, async (signature) => {
    const verdicts = await Promise.all((['base58', 'base64'] as const).map((encoding) => keepsItsWord({ message, signature, address, encoding })))
    return verdicts.some(({ reason }) => reason === 'signature is not 64 bytes in base58 or base64')
  }), { numRuns: 300 })
  t.pass()
})

t.test('a signature in any other spelling or length is refused', async (t) => {
  const bytes = wallet.sign(message)
  const base64 = inBase64(bytes)
  const hex = Buffer.from(bytes).toString('hex')
  const texts = [
    '', ' ', '=', hex, `0x${hex}`, base64.slice(0, -1), base64.slice(0, -2), `${base64}=`, `${base64}\n`, ` ${base64}`, `${base64.slice(0, 40)}\n${base64.slice(40)}`, base64.replace(/.==$/, (end) => `${end[0] === 'A' ? 'B' : nextOf(end[0] ?? '')}==`),
    ` ${signature}`, `${signature}\n`, `1${signature}`, `${signature}${signature}`, `0${signature.slice(1)}`, JSON.stringify([...bytes]), base58.encode(bytes.subarray(1)), inBase64(bytes.subarray(1)), inBase64(Buffer.concat([bytes, Buffer.of(0)])), Buffer.from(Uint8Array.from({ length: 64 }, () => 255)).toString('base64url')
  ]
  for (const text of texts) {
    t.strictSame(await verifySolanaMessage({ message, signature: text, address }), refused('signature is not 64 bytes in base58 or base64'), JSON.stringify(text.slice(0, 20)))
  }
  let refusals = 0
  for (let length = 0; length <= 10_000; length += 1) refusals += (await keepsItsWord({ message, signature: signature.repeat(120).slice(0, length), address })).valid ? 0 : 1
  t.equal(refusals, 10_001 - 1, 'all but the one whole')
})

t.test('an address is 32 bytes in base58, of a key that can sign', async (t) => {
  const texts = ['', ' ', `1${address}`, `${address}${address}`, ` ${address}`, `${address} `, `${address}\n`, `0${address.slice(1)}`, `l${address.slice(1)}`, Buffer.from(wallet.key).toString('hex'), inBase64(wallet.key),
    base58.encode(wallet.key.subarray(1)), base58.encode(Buffer.concat([wallet.key, Buffer.of(0)])), base58.encode(new Uint8Array(31)), base58.encode(new Uint8Array(33)), 'vitalik.sol']
  for (const text of texts) t.strictSame(await verifySolanaMessage({ message, signature, address: text }), refused('address is not 32 bytes in base58'), JSON.stringify(text))

  // The system program's address is the key of 32 zeros, under which OpenSSL finds anyone's signature valid.
  const weak = ['11111111111111111111111111111111', ...['01'.padEnd(64, '0'), 'ec'.padEnd(62, 'f') + '7f', 'ec'.padEnd(64, 'f'), 'ed'.padEnd(62, 'f') + '7f', 'ff'.repeat(32), '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'].map((hex) => base58.encode(Buffer.from(hex, 'hex')))]
  for (const text of weak) t.strictSame(await verifySolanaMessage({ message, signature, address: text }), refused('address is not of a key that can sign'), text)
  t.strictSame(await verifySolanaMessage({ message, signature, address: newWallet().address }), refused('signature is not by this address'))
  // A token program's address: a point that the curve does not have.
  t.strictSame(await verifySolanaMessage({ message, signature, address: offCurve() }), refused('signature is not by this address'))
})

t.test('a signature that is not canonical is refused as that', async (t) => {
  const bytes = wallet.sign(message)
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const S = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`)
  const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from((S + order).toString(16).padStart(64, '0'), 'hex').reverse()])
  for (const other of [twin, Buffer.alloc(64), Buffer.alloc(64, 255), Buffer.concat([Buffer.from('01'.padEnd(64, '0'), 'hex'), bytes.subarray(32)])]) {
    t.strictSame(await verifySolanaMessage({ message, signature: base58.encode(other), address }), refused('signature is not in canonical form'))
  }
})

t.test('one flipped bit of signature, message or address and the proof fails, raw or in the envelope', async (t) => {
  let valid = 0
  const count = async (proof: SolanaProof): Promise<void> => { valid += (await keepsItsWord(proof)).valid ? 1 : 0 }
  for (const text of [signature, offchain('example.com', message)]) {
    t.ok((await keepsItsWord({ message, signature: text, address })).valid)
    const bytes = base58.decode(text)
    for (let bit = 0; bit < 512; bit += 1) await count({ message, signature: base58.encode(flipBit(bytes, bit)), address })
    for (let bit = 0; bit < 256; bit += 1) await count({ message, signature: text, address: base58.encode(flipBit(wallet.key, bit)) })
    for (let bit = 0; bit < message.length * 16; bit += 3) {
      const units = Array.from(message, (char) => char.charCodeAt(0))
      units[bit >> 4] = (units[bit >> 4] ?? 0) ^ (1 << (bit & 15))
      await count({ message: String.fromCharCode(...units), signature: text, address })
    }
  }
  t.equal(valid, 0)
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat(), async (more, bit) => {
    const text = textFor('example.com', more)
    const by = newWallet()
    const own = offchain('example.com', text, by)
    const bent = [{ signature: base58.encode(flipBit(base58.decode(own), bit % 512)) }, { address: base58.encode(flipBit(by.key, bit % 256)) }, { message: `${text}${String.fromCharCode(bit % 128)}` }]
    const whole = { message: text, signature: own, address: by.address }
    return (await keepsItsWord(whole)).valid && (await Promise.all(bent.map(async (change) => await keepsItsWord({ ...whole, ...change })))).every((verdict) => !verdict.valid)
  }), { numRuns: 60 })
})

t.test('a text that UTF-8 cannot carry is refused, not signed in as its replacement', async (t) => {
  const replaced = base58.encode(wallet.sign('a\ufffdb'))
  t.match(await verifySolanaMessage({ message: 'a\ufffdb', signature: replaced, address }), { valid: true })
  for (const text of ['a\ud800b', 'a\udc00b', '\ud800', '\udc00\ud800']) {
    t.strictSame(await verifySolanaMessage({ message: text, signature: replaced, address }), refused('message is not well-formed text'))
  }
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of [undefined, null, trap, revoked, { get message () { throw new Error('getter') } }]) {
    t.strictSame(await verifySolanaMessage(value as unknown as SolanaProof), refused('input is not readable'))
  }
  for (const value of hostileValues) {
    t.equal((await keepsItsWord(value)).valid, false)
    if (typeof value !== 'string') t.strictSame(await verifySolanaMessage({ message: value, signature, address } as unknown as SolanaProof), refused('message is not well-formed text'))
    t.strictSame(await verifySolanaMessage({ message, signature: value, address } as unknown as SolanaProof), refused('signature is not 64 bytes in base58 or base64'))
    t.strictSame(await verifySolanaMessage({ message, signature, address: value } as unknown as SolanaProof), refused('address is not 32 bytes in base58'))
  }
  const proof = fc.record({
    message: fc.oneof(fc.string({ unit: 'binary' }), anything()),
    signature: fc.oneof(bytesOf(64).map((bytes) => base58.encode(bytes)), bytesOf(64).map(inBase64), anything()),
    address: fc.oneof(bytesOf(32).map((bytes) => base58.encode(bytes)), anything()),
    encoding: fc.oneof(fc.constantFrom('base58', 'base64', undefined), anything())
  }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(fc.oneof(anything(), proof), async (value) => !(await keepsItsWord(value)).valid), { numRuns: 1_500 })
})

t.test('no size of input takes it long', async (t) => {
  const huge = '1'.repeat(100_000_000)
  const started = performance.now()
  t.strictSame(await verifySolanaMessage({ message: huge, signature, address }), refused('message is too long'))
  t.strictSame(await verifySolanaMessage({ message: '\u{1f600}'.repeat(32_768), signature, address }), refused('signature is not by this address'))
  t.strictSame(await verifySolanaMessage({ message: `${' '.repeat(60_000)} wants you to sign in with your Solana account:`, signature, address }), refused('signature is not by this address'))
  t.strictSame(await verifySolanaMessage({ message, signature: huge, address }), refused('signature is not 64 bytes in base58 or base64'))
  t.strictSame(await verifySolanaMessage({ message, signature, address: huge }), refused('address is not 32 bytes in base58'))
  t.strictSame(await verifySolanaMessage({ message, signature, address, encoding: huge } as unknown as SolanaProof), refused('encoding is not supported'))
  t.ok(performance.now() - started < 2_000)
})

t.test('the README names every reason', async (t) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  for (const reason of solanaRefusals) t.ok(readme.includes(`\`${reason}\``), reason)
})

/** A base64 digit with the same leading bits and another pad. */
function nextOf (digit: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return digits[digits.indexOf(digit) ^ 1] ?? ''
}

function offCurve (): string {
  for (let index = 2; ; index += 1) {
    const key = new Uint8Array(32).fill(index)
    try { ed25519.Point.fromBytes(key) } catch { return base58.encode(key) }
  }
}
