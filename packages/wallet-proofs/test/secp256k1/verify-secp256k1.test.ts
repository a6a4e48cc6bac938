import { execFile } from 'node:child_process'
import { createECDH, createHash, createPrivateKey, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import t from 'tap'
import { verifySecp256k1, type Secp256k1Proof } from '../../src/index.ts'
import { readDerSignature } from '../../src/secp256k1/der-signature.ts'
import { nativeVerify, nobleVerify, verifySecp256k1Digest, type VerifyDigest } from '../../src/secp256k1/verify.ts'
import { anything, bytesOf, flipBit, hostileValues } from '../input/hostile-values.ts'

const { n } = secp256k1.Point.CURVE()
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const word = (value: bigint): string => value.toString(16).padStart(64, '0')

/** DER of two integers, written as given: what is wrong with them stays wrong. */
const der = (r: string, s: string): string => {
  const integer = (hex: string): string => `02${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`
  const body = integer(r) + integer(s)
  return `30${(body.length / 2).toString(16).padStart(2, '0')}${body}`
}
const shortest = (value: bigint): string => {
  const hex = value.toString(16)
  const even = hex.padStart(hex.length + hex.length % 2, '0')
  return even >= '8' ? `00${even}` : even
}
const derOf = (compact: Uint8Array): Uint8Array => fromHex(der(...[compact.subarray(0, 32), compact.subarray(32)].map((it) => shortest(BigInt(`0x${Buffer.from(it).toString('hex')}`))) as [string, string]))

const secretKey = createHash('sha256').update('a test key').digest()
const [compressed, uncompressed] = [secp256k1.getPublicKey(secretKey, true), secp256k1.getPublicKey(secretKey, false)]
const hash = createHash('sha256').update('a message').digest()
const compact = secp256k1.sign(hash, secretKey, { prehash: false })
const signature = derOf(compact)
const isValid = (proof: Partial<Record<keyof Secp256k1Proof, unknown>>): boolean => {
  const verdict = verifySecp256k1({ hash, signature, publicKey: compressed, ...proof } as Secp256k1Proof)
  if (Object.keys(verdict).join() !== 'valid' || typeof verdict.valid !== 'boolean') throw new Error('a verdict of no known shape')
  return verdict.valid
}

const native = nativeVerify()
const noble = nobleVerify()
const backends: ReadonlyArray<readonly [string, VerifyDigest]> = [...(native === null ? [] : [['native', native] as const]), ['noble', noble]]

t.test('the canonical signatures of Bitcoin Core\'s vectors are read, the others are not', async (t) => {
  // bitcoin/bitcoin src/test/data/sig_canonical.json and sig_noncanonical.json, the sighash byte cut off.
  const [r, s] = ['5990e0584b2b238e1dfaad8d6ed69ecc1a4a13ac85fc0b31d0df395eb1ba6105', '2d5876262c288beb511d061691bf26777344b702b00f8fe28621fe4e566695ed']
  const canonical = [
    ['3006020100020100', 0n, 0n],
    ['3008020200ff020200ff', 255n, 255n],
    ['304402203932c892e2e550f3af8ee4ce9c215a87f9bb831dcac87b2838e2c2eaa891df0c022030b61dd36543125d56b9f9f3a1f9353189e5af33cdda8d77a5209aec03978fa0', 0x3932c892e2e550f3af8ee4ce9c215a87f9bb831dcac87b2838e2c2eaa891df0cn, 0x30b61dd36543125d56b9f9f3a1f9353189e5af33cdda8d77a5209aec03978fa0n],
    ['30450220076045be6f9eca28ff1ec606b833d0b87e70b2a630f5e3a496b110967a40f90a0221008fffd599910eefe00bc803c688c2eca1d2ba7f6b180620eaa03488e6585db6ba', 0x76045be6f9eca28ff1ec606b833d0b87e70b2a630f5e3a496b110967a40f90an, 0x8fffd599910eefe00bc803c688c2eca1d2ba7f6b180620eaa03488e6585db6ban],
    ['3046022100876045be6f9eca28ff1ec606b833d0b87e70b2a630f5e3a496b110967a40f90a0221008fffd599910eefe00bc803c688c2eca1d2ba7f6b180620eaa03488e6585db6ba', 0x876045be6f9eca28ff1ec606b833d0b87e70b2a630f5e3a496b110967a40f90an, 0x8fffd599910eefe00bc803c688c2eca1d2ba7f6b180620eaa03488e6585db6ban]
  ] as const
  for (const [hex, r, s] of canonical) t.equal(Buffer.from(readDerSignature(fromHex(hex)) ?? []).toString('hex'), word(r) + word(s))

  const refused = {
    'too short': '30050201ff0200',
    'too long': `30470221 00${r} 0222 00${s.replace(/^/, '00')}`,
    'no sequence': `31440220${r}0220${s}`,
    'a length of more': `30450220${r}0220${s}`,
    'a length of less': `30430220${r}0220${s}`,
    's out of bounds': '301f01205990e0584b2b238e1dfaad8d6ed69ecc1a4a13ac85fc0b31d0df395eb1',
    'bytes after s': `30450220${r}0220${s}00`,
    'bytes after all': `30440220${r}0220${s}01`,
    'r of another type': `30440120${r}0220${s}`,
    'r of no bytes': `302402000220${s}`,
    'r below zero': der(`8${r.slice(1)}`, s),
    'r with a zero too many': der(`00${r}`, s),
    's of another type': `30440220${r}0120${s}`,
    's of no bytes': `30240220${r}0200`,
    's below zero': der(r, `fd${s.slice(2)}`),
    's with a zero too many': der(r, `00${s}`),
    'a long form of length': `3081440220${r}0220${s}`,
    'an indefinite length': `30800220${r}0220${s}0000`,
    'a long form within': `3045028120${r}0220${s}`,
    'an integer of 33 digits': der(`01${r}`, s),
    'an integer beyond the end': `30440220${r}0221${s}`,
    'one integer': `30220220${r}`,
    'three integers': `30470220${r}0220${s}020101`,
    nothing: '',
    'a tag': '30',
    'an empty sequence': '3000'
  }
  for (const [title, hex] of Object.entries(refused)) t.equal(readDerSignature(fromHex(hex.replaceAll(' ', ''))), null, title)
})

t.test('DER and the two integers are one to one', async (t) => {
  const word = fc.oneof(bytesOf(32), fc.nat({ max: 300 }).map((value) => fromHex(value.toString(16).padStart(64, '0'))))
  fc.assert(fc.property(word, word, (r, s) => {
    const both = new Uint8Array([...r, ...s])
    return Buffer.compare(readDerSignature(derOf(both)) ?? new Uint8Array(), both) === 0
  }), { numRuns: 500 })

  // No second spelling: whatever is read is written back to the same bytes.
  const bent = fc.oneof(
    fc.tuple(fc.nat(signature.length * 8 - 1), fc.nat(signature.length * 8 - 1)).map(([one, two]) => flipBit(flipBit(signature, one), two)),
    fc.tuple(fc.nat(signature.length), bytesOf(1)).map(([at, more]) => new Uint8Array([...signature.subarray(0, at), ...more, ...signature.subarray(at)])),
    fc.uint8Array({ maxLength: 80 })
  )
  fc.assert(fc.property(bent, (bytes) => {
    const read = readDerSignature(bytes)
    return read === null || Buffer.compare(derOf(read), bytes) === 0
  }), { numRuns: 5_000 })
  t.pass()
})

t.test('what node:crypto signs is valid once s is low, and what noble signs as it is', async (t) => {
  t.ok(isValid({}))
  t.ok(isValid({ publicKey: uncompressed }))
  t.ok(isValid({ hash: new Uint8Array(hash), signature: Buffer.from(signature), publicKey: Buffer.from(compressed) }))

  const ecdh = createECDH('secp256k1')
  for (let round = 0; round < 40; round += 1) {
    const publicKey = ecdh.generateKeys()
    const [x, y, d] = [publicKey.subarray(1, 33), publicKey.subarray(33), ecdh.getPrivateKey('hex').padStart(64, '0')].map((it) => Buffer.from(it as string, 'hex').toString('base64url'))
    const key = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'secp256k1', x, y, d } })
    const message = randomBytes(round)
    const signature = new Uint8Array(sign('sha256', message, key))
    const s = BigInt(`0x${Buffer.from(readDerSignature(signature)?.subarray(32) ?? []).toString('hex')}`)
    const hash = createHash('sha256').update(message).digest()

    t.equal(isValid({ hash, signature, publicKey }), s <= n / 2n)
    const low = derOf(fromHex(Buffer.from(readDerSignature(signature) ?? []).toString('hex').slice(0, 64) + word(s > n / 2n ? n - s : s)))
    t.ok(isValid({ hash, signature: low, publicKey }))
  }
})

t.test('one flipped bit of digest, signature or key and the proof fails', async (t) => {
  for (let bit = 0; bit < 256; bit += 1) if (isValid({ hash: flipBit(hash, bit) })) t.fail(`digest bit ${bit}`)
  for (let bit = 0; bit < signature.length * 8; bit += 1) if (isValid({ signature: flipBit(signature, bit) })) t.fail(`signature bit ${bit}`)
  for (let bit = 0; bit < 264; bit += 1) if (isValid({ publicKey: flipBit(compressed, bit) })) t.fail(`compressed key bit ${bit}`)
  for (let bit = 0; bit < 520; bit += 1) if (isValid({ publicKey: flipBit(uncompressed, bit) })) t.fail(`uncompressed key bit ${bit}`)
  t.pass()
})

t.test('high s, zero and values beyond the order are refused', async (t) => {
  const [r, s] = [compact.subarray(0, 32), compact.subarray(32)].map((it) => BigInt(`0x${Buffer.from(it).toString('hex')}`)) as [bigint, bigint]
  t.ok(isValid({ signature: fromHex(der(shortest(r), shortest(s))) }))
  for (const [one, two] of [[r, n - s], [r, n + s], [n + r, s], [0n, s], [r, 0n], [0n, 0n], [n, s], [r, n], [n, n], [1n, 1n], [2n ** 256n - 1n, s]] as const) {
    t.notOk(isValid({ signature: fromHex(der(shortest(one % 2n ** 256n), shortest(two % 2n ** 256n))) }))
  }
})

t.test('a key counts in two forms and on the curve only', async (t) => {
  const [x, y] = [uncompressed.subarray(1, 33), uncompressed.subarray(33)]
  const parity = (y[31] ?? 0) & 1
  const of = (first: number, ...parts: Uint8Array[]): Uint8Array => new Uint8Array([first, ...parts.flatMap((part) => [...part])])
  t.ok(isValid({ publicKey: of(2 + parity, x) }))
  t.ok(isValid({ publicKey: of(4, x, y) }))

  const p = secp256k1.Point.Fp.ORDER
  const others = [
    of(3 - parity, x), of(4, y, x), of(4, x), of(2 + parity, x, y), of(6, x, y), of(7, x, y), of(0), of(0, x), of(5, x, y), of(4, x, fromHex(word(0n))),
    x, of(4, x, y, x).subarray(0, 66), of(2 + parity, x).subarray(0, 32), of(2, fromHex(word(5n))), of(2, fromHex(word(p))), of(2, fromHex(word(p + 1n))), of(2, new Uint8Array(32).fill(255)), new Uint8Array(33), new Uint8Array(65), new Uint8Array(64)
  ]
  for (const [index, publicKey] of others.entries()) t.notOk(isValid({ publicKey }), `key ${index}`)
  for (const size of [0, 31, 33, 64]) t.notOk(isValid({ hash: new Uint8Array(size) }), `a digest of ${size} bytes`)
})

t.test('the back ends give one answer to everything', async (t) => {
  const agree = (compact: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean => {
    const answers = backends.map(([, verify]) => { try { return verify(compact, digest, key) } catch { return false } })
    return new Set([...answers, verifySecp256k1Digest(compact, digest, key)]).size === 1
  }
  const edge = fc.constantFrom(1n, 2n, n / 2n, n - 1n).map((value) => fromHex(word(value)))
  const scalar = fc.oneof(bytesOf(32), edge)
  const key = fc.oneof(fc.constantFrom(compressed, uncompressed), bytesOf(32).map((x) => new Uint8Array([2, ...x])), bytesOf(33))
  const digest = fc.oneof(bytesOf(32), fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(255), hash))
  fc.assert(fc.property(scalar, scalar, digest, key, (r, s, digest, key) => agree(new Uint8Array([...r, ...s]), digest, key)), { numRuns: 200 })
  for (const digest of [new Uint8Array(32), new Uint8Array(32).fill(255), randomBytes(32)]) {
    const own = secp256k1.sign(digest, secretKey, { prehash: false })
    for (const [name, verify] of backends) t.ok(verify(own, digest, compressed), name)
    t.ok(agree(own, digest, uncompressed))
  }
})

t.test('where the addon has no binary, noble answers at once and without a word', async (t) => {
  const entry = new URL('../../src/index.js', import.meta.url).href
  const hex = (bytes: Uint8Array): string => `Buffer.from('${Buffer.from(bytes).toString('hex')}', 'hex')`
  const script = `
    import { secp256k1Backend, verifySecp256k1 } from '${entry}'
    const verdicts = [${hex(hash)}, Buffer.alloc(32)].map((hash) => verifySecp256k1({ hash, signature: ${hex(signature)}, publicKey: ${hex(compressed)} }).valid)
    process.stdout.write(JSON.stringify([secp256k1Backend(), ...verdicts]))`
  // The loader of the addon looks for a binary of this architecture: there is none.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env: { PATH: process.env.PATH, npm_config_arch: 'none' } })
  t.strictSame(JSON.parse(stdout), ['noble', true, false])
  t.equal(stderr, '')
})

t.test('no JavaScript value makes it throw', async (t) => {
  for (const value of hostileValues) {
    t.strictSame(verifySecp256k1(value as Secp256k1Proof), { valid: false })
    for (const key of ['hash', 'signature', 'publicKey']) t.notOk(isValid({ [key]: value }))
  }
  t.strictSame(verifySecp256k1({ get hash (): never { throw new Error('getter') }, signature, publicKey: compressed }), { valid: false })
  const proof = fc.record({ hash: fc.oneof(bytesOf(32), anything()), signature: fc.oneof(fc.constant(signature), fc.uint8Array(), anything()), publicKey: fc.oneof(fc.constant(compressed), bytesOf(33), anything()) }, { requiredKeys: [] })
  fc.assert(fc.property(fc.oneof(anything(), proof), (value) => !verifySecp256k1(value as Secp256k1Proof).valid), { numRuns: 1_000 })

  const huge = new Uint8Array(200_000_000)
  const started = performance.now()
  for (const key of ['hash', 'signature', 'publicKey']) t.notOk(isValid({ [key]: huge }))
  t.ok(performance.now() - started < 2_000)
})
