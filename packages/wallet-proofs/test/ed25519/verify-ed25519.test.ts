import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import t from 'tap'
import { isStrictPoint } from '../../src/ed25519/strict.ts'
import { verifyEd25519, type Ed25519Proof } from '../../src/index.ts'
import { anything, bytesOf, flipBit, hostileValues } from '../input/hostile-values.ts'
import { wycheproofVectors } from './wycheproof-vectors.ts'

const { Point } = ed25519
const L = Point.Fn.ORDER
const P = Point.Fp.ORDER
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const littleEndian = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0')).reverse()
const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
/** SHA-512(R, A, M) as a scalar. */
const challenge = (...parts: Uint8Array[]): bigint => toBigInt(createHash('sha512').update(join(...parts)).digest()) % L

const isValid = (proof: Partial<Record<keyof Ed25519Proof, unknown>>): boolean => {
  const verdict = verifyEd25519(proof as unknown as Ed25519Proof)
  if (Object.keys(verdict).join() !== 'valid' || typeof verdict.valid !== 'boolean') throw new Error('a verdict of no known shape')
  return verdict.valid
}
/** What OpenSSL says with nothing before it. */
const opensslAccepts = ({ message, signature, publicKey }: Ed25519Proof): boolean =>
  verify(null, message, createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]), format: 'der', type: 'spki' }), signature)

const secretKey = createHash('sha256').update('a test key').digest()
const publicKey = ed25519.getPublicKey(secretKey)
const message = new Uint8Array(Buffer.from('a message'))
const signature = ed25519.sign(message, secretKey)

t.test('Wycheproof\'s vectors get the verdict that they ask for', (t) => {
  const all = wycheproofVectors.flatMap(([key, vectors]) => vectors.map(([id, tries, text, signed, valid]) => ({ name: `${id} ${tries}`, valid, proof: { message: fromHex(text), signature: fromHex(signed), publicKey: fromHex(key) } })))
  t.strictSame(all.filter(({ proof, valid }) => isValid(proof) !== valid).map(({ name }) => name), [])
  t.strictSame([all.filter(({ valid }) => valid).length, all.filter(({ valid }) => !valid).length], [85, 63])
  t.end()
})

t.test('the vectors of RFC 8032 are valid, and with another\'s key or message they are not', async (t) => {
  // RFC 8032 §7.1: TEST 1 to 3 and SHA(abc); public key, message, signature.
  const vectors = ([
    ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '', 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'],
    ['3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72', '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'],
    ['fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'af82', '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'],
    ['ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf', createHash('sha512').update('abc').digest('hex'), 'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704']
  ] as const).map((vector) => vector.map(fromHex) as [Uint8Array, Uint8Array, Uint8Array])

  for (const [publicKey, message, signature] of vectors) t.ok(isValid({ message, signature, publicKey }))
  for (const [index, [publicKey, message]] of vectors.entries()) {
    for (const [other, [, , signature]] of vectors.entries()) t.equal(isValid({ message, signature, publicKey }), index === other)
  }
})

t.test('the edge cases of "Taming the many EdDSAs" are settled as Solana\'s validators settle them', async (t) => {
  // novifinancial/ed25519-speccheck, cases.txt: message, public key, signature; what verify_strict says of each.
  const cases = [
    [false, '8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000'],
    [false, '9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', 'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04'],
    [false, 'aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab', 'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e'],
    [true, '9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79', 'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d', '9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009'],
    [false, 'e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c', 'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d', '160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09'],
    [false, 'e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c', 'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d', '21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405'],
    [false, '85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40', '442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623', 'e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514'],
    [false, '85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40', '442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623', '8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22'],
    [false, '9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41', 'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f'],
    [false, '9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41', 'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908'],
    [false, 'e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04'],
    [false, '39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04']
  ] as const
  for (const [index, [expected, message, publicKey, signature]] of cases.entries()) {
    t.equal(isValid({ message: fromHex(message), signature: fromHex(signature), publicKey: fromHex(publicKey) }), expected, `case ${index}`)
  }
})

t.test('what node:crypto and noble sign is valid, whatever the message', async (t) => {
  for (const size of [0, 1, 63, 64, 127, 128, 1_023, 70_000, 16 * 1024 * 1024]) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
    const message = randomBytes(size)
    t.ok(isValid({ message, signature: sign(null, message, privateKey), publicKey: raw }), `${size} bytes`)
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytesOf(32), (message, secretKey) =>
    isValid({ message, signature: ed25519.sign(message, secretKey), publicKey: ed25519.getPublicKey(secretKey) })), { numRuns: 60 })
})

t.test('one flipped bit of message, signature or key and the proof fails', async (t) => {
  t.ok(isValid({ message, signature, publicKey }))
  for (let bit = 0; bit < message.length * 8; bit += 1) if (isValid({ message: flipBit(message, bit), signature, publicKey })) t.fail(`message bit ${bit}`)
  for (let bit = 0; bit < 512; bit += 1) if (isValid({ message, signature: flipBit(signature, bit), publicKey })) t.fail(`signature bit ${bit}`)
  for (let bit = 0; bit < 256; bit += 1) if (isValid({ message, signature, publicKey: flipBit(publicKey, bit) })) t.fail(`key bit ${bit}`)
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (message, bit) => {
    const signature = ed25519.sign(message, secretKey)
    return isValid({ message, signature, publicKey }) && !isValid({ message: flipBit(message, bit % (message.length * 8)), signature, publicKey }) && !isValid({ message, signature: flipBit(signature, bit % 512), publicKey })
  }), { numRuns: 60 })
})

t.test('S counts below the order only, so that no signature has a twin', async (t) => {
  const [R, S] = [signature.subarray(0, 32), toBigInt(signature.subarray(32))]
  t.ok(isValid({ message, signature: join(R, littleEndian(S)), publicKey }))
  for (let times = 1n; S + times * L < 2n ** 256n; times += 1n) t.notOk(isValid({ message, signature: join(R, littleEndian(S + times * L)), publicKey }), `S + ${times} L`)
  for (const other of [0n, 1n, L - 1n, L, L + 1n, 2n ** 252n, 2n ** 253n, P, 2n ** 256n - 1n]) t.notOk(isValid({ message, signature: join(R, littleEndian(other)), publicKey }))
})

/** Every encoding of the eight torsion points: canonical, and with p added or the sign of a zero set. */
const torsionOrdinates = [0n, 1n, P - 1n, P, P + 1n, ...['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'].map((hex) => toBigInt(fromHex(hex)))]
const torsionEncodings = torsionOrdinates.flatMap((y) => [littleEndian(y), littleEndian(y + 2n ** 255n)])

t.test('no key of small order signs in, in any of its fourteen encodings', async (t) => {
  let openssl = 0
  for (const key of torsionEncodings) {
    t.notOk(isStrictPoint(key))
    t.equal(Point.fromBytes(key, true).isSmallOrder(), true, 'noble says so, too, when it reads it leniently')

    // Anyone makes R = S B; the challenge vanishes in the small group for one message of eight at the latest.
    const S = 12_345n
    const R = Point.BASE.multiply(S).toBytes()
    const forged = Array.from({ length: 400 }, (_, index) => ({ message: Uint8Array.of(index & 255, index >> 8), signature: join(R, littleEndian(S)), publicKey: key }))
      .find(({ message }) => challenge(R, key, message) % 8n === 0n)
    if (forged === undefined) return t.fail('no message found')
    t.notOk(isValid(forged))
    openssl += opensslAccepts(forged) ? 1 : 0
  }
  t.ok(openssl >= 8, `OpenSSL alone accepts ${openssl} of the forgeries`)
  t.equal(new Set(torsionEncodings.map((key) => Point.fromBytes(key, true).toHex())).size, 8)
})

t.test('a signature whose R is of small order is refused, even by the holder of the key', async (t) => {
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(secretKey)
  let openssl = 0
  for (const R of torsionEncodings) {
    for (let index = 0; index < 8; index += 1) {
      const message = Uint8Array.of(index)
      const proof = { message, signature: join(R, littleEndian(challenge(R, pointBytes, message) * scalar % L)), publicKey: pointBytes }
      t.notOk(isValid(proof))
      openssl += opensslAccepts(proof) ? 1 : 0
    }
  }
  t.ok(openssl > 0, 'OpenSSL alone accepts some')
})

t.test('a point is written below p, or it is none', async (t) => {
  for (let y = P; y < 2n ** 255n; y += 1n) {
    for (const sign of [0n, 2n ** 255n]) {
      t.notOk(isStrictPoint(littleEndian(y + sign)))
      t.notOk(isValid({ message, signature: join(littleEndian(y + sign), signature.subarray(32)), publicKey }))
      t.notOk(isValid({ message, signature, publicKey: littleEndian(y + sign) }))
    }
  }
  t.ok(isStrictPoint(littleEndian(P - 2n)))
  t.ok(isStrictPoint(littleEndian(2n)))
})

t.test('a key with a torsion component counts where the equation holds without the cofactor, as in OpenSSL', async (t) => {
  const { scalar, prefix } = ed25519.utils.getExtendedPublicKey(secretKey)
  const torsion = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  const mixed = Point.BASE.multiply(scalar).add(torsion).toBytes()
  const verdicts = Array.from({ length: 64 }, (_, index) => {
    const message = Uint8Array.of(index)
    const r = challenge(prefix, message)
    const R = Point.BASE.multiply(r).toBytes()
    const k = challenge(R, mixed, message)
    const proof = { message, signature: join(R, littleEndian((r + k * scalar) % L)), publicKey: mixed }
    t.equal(isValid(proof), opensslAccepts(proof))
    t.equal(isValid(proof), k % 8n === 0n)
    return isValid(proof)
  })
  t.ok(verdicts.includes(true) && verdicts.includes(false))
})

t.test('other sizes are refused: OpenSSL would pass over a 33rd byte of the key', async (t) => {
  for (const extra of [Uint8Array.of(0), Uint8Array.of(1), new Uint8Array(32)]) {
    t.notOk(isValid({ message, signature, publicKey: join(publicKey, extra) }))
    t.notOk(isValid({ message, signature: join(signature, extra), publicKey }))
  }
  for (let size = 0; size < 32; size += 1) t.notOk(isValid({ message, signature, publicKey: publicKey.subarray(0, size) }))
  for (let size = 0; size < 64; size += 1) t.notOk(isValid({ message, signature: signature.subarray(0, size), publicKey }))
  t.ok(opensslAccepts({ message, signature, publicKey: join(publicKey, Uint8Array.of(1)) }), 'as is seen without the guard')
})

t.test('bytes that change while they are checked are checked as they were', async (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(32))
  shared.set(publicKey)
  t.ok(isValid({ message, signature, publicKey: shared }))
  let reads = 0
  const proof = { message, signature, get publicKey () { reads += 1; return publicKey } }
  t.ok(isValid(proof))
  t.equal(reads, 1)
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of hostileValues) {
    t.strictSame(verifyEd25519(value as Ed25519Proof), { valid: false })
    for (const key of ['message', 'signature', 'publicKey']) t.notOk(isValid({ message, signature, publicKey, [key]: value }))
  }
  const proof = fc.record({ message: fc.oneof(fc.uint8Array(), anything()), signature: fc.oneof(fc.constant(signature), bytesOf(64), anything()), publicKey: fc.oneof(fc.constant(publicKey), bytesOf(32), anything()) }, { requiredKeys: [] })
  fc.assert(fc.property(fc.oneof(anything(), proof), (value) => !isValid(value as Ed25519Proof)), { numRuns: 1_000 })

  const huge = new Uint8Array(200_000_000)
  const started = performance.now()
  for (const key of ['message', 'signature', 'publicKey']) t.notOk(isValid({ message, signature, publicKey, [key]: huge }))
  t.ok(performance.now() - started < 2_000)
})

t.test('on random bytes it says what OpenSSL says', async (t) => {
  fc.assert(fc.property(bytesOf(32), bytesOf(64), fc.uint8Array({ maxLength: 40 }), (publicKey, signature, message) =>
    isValid({ message, signature, publicKey }) === opensslAccepts({ message, signature, publicKey })), { numRuns: 500 })
  t.pass()
})
