import { randomBytes, randomInt } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import t from 'tap'
import { parseDerSignature } from '../src/der-signature.ts'

const { n } = secp256k1.Point.CURVE()
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')
const encode = (r: bigint, s: bigint): Uint8Array => new secp256k1.Signature(r, s).toBytes('der')
const bytes32 = (value: bigint): string => value.toString(16).padStart(64, '0')

void t.test('r and s of every length come back as they were encoded', (t) => {
  const values = [1n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, n / 2n, n / 2n + 1n, n - 1n, 2n ** 255n, 2n ** 255n - 1n]
  for (let bits = 8; bits <= 248; bits += 8) values.push(BigInt(`0x${randomBytes(bits / 8).toString('hex')}`) | 1n)
  for (const r of values) {
    for (const s of values) {
      const parsed = parseDerSignature(encode(r, s))
      if (parsed.r !== r || parsed.s !== s) t.fail(`${r} ${s}`)
    }
  }
  t.pass(`${values.length ** 2} pairs`)
  t.end()
})

void t.test('every malformed encoding is refused with its reason', (t) => {
  const cases: [string, string, RegExp][] = [
    // The classes of Wycheproof's ECDSA tests (BER, integer overflow, modified structure), around the valid 30 06 02 01 01 02 01 01.
    ['nothing', '', /not a DER sequence/],
    ['a tag alone', '30', /length of the DER sequence/],
    ['an empty sequence', '30 00', /not a DER integer/],
    ['a set in place of the sequence', '31 06 02 01 01 02 01 01', /not a DER sequence/],
    ['a constructed context tag', 'a0 06 02 01 01 02 01 01', /not a DER sequence/],
    ['long form of the sequence length', '30 81 06 02 01 01 02 01 01', /length of the DER sequence/],
    ['long form with a leading zero', '30 82 00 06 02 01 01 02 01 01', /length of the DER sequence/],
    ['indefinite length', '30 80 02 01 01 02 01 01 00 00', /length of the DER sequence/],
    ['a sequence length of 2^32', '30 85 01 00 00 00 06 02 01 01 02 01 01', /length of the DER sequence/],
    ['a sequence length one too large', '30 07 02 01 01 02 01 01', /length of the DER sequence/],
    ['a sequence length one too small', '30 05 02 01 01 02 01 01', /length of the DER sequence/],
    ['bytes after the sequence', '30 06 02 01 01 02 01 01 00', /length of the DER sequence/],
    ['bytes after s within the sequence', '30 08 02 01 01 02 01 01 05 00', /after the second/],
    ['a third integer', '30 09 02 01 01 02 01 01 02 01 01', /after the second/],
    ['s missing', '30 03 02 01 01', /not a DER integer/],
    ['r as an octet string', '30 06 04 01 01 02 01 01', /not a DER integer/],
    ['s as a boolean', '30 06 02 01 01 01 01 01', /not a DER integer/],
    ['an empty r', '30 05 02 00 02 01 01', /length of a DER integer/],
    ['an empty s', '30 05 02 01 01 02 00', /length of a DER integer/],
    ['long form of the r length', '30 07 02 81 01 01 02 01 01', /length of a DER integer/],
    ['long form of the s length', '30 07 02 01 01 02 81 01 01', /length of a DER integer/],
    ['r longer than the sequence', '30 06 02 7f 01 02 01 01', /length of a DER integer/],
    ['s longer than the sequence', '30 06 02 01 01 02 02 01', /length of a DER integer/],
    ['r swallowing s', '30 06 02 04 01 02 01 01', /not a DER integer/],
    ['a leading zero before r', '30 07 02 02 00 01 02 01 01', /needless zero/],
    ['a leading zero before s', '30 07 02 01 01 02 02 00 01', /needless zero/],
    ['two leading zeros', '30 08 02 03 00 00 80 02 01 01', /needless zero/],
    ['a negative r', '30 06 02 01 80 02 01 01', /negative/],
    ['a negative s', '30 06 02 01 01 02 01 ff', /negative/],
    ['the sign byte of a large r left out', `30 25 02 20 ${bytes32(n - 1n)} 02 01 01`, /negative/],
    ['r = 0', '30 06 02 01 00 02 01 01', /outside/],
    ['s = 0', '30 06 02 01 01 02 01 00', /outside/],
    ['r = n', `30 26 02 21 00 ${bytes32(n)} 02 01 01`, /outside/],
    ['s = n', `30 26 02 01 01 02 21 00 ${bytes32(n)}`, /outside/],
    ['r = n + 1', `30 26 02 21 00 ${bytes32(n + 1n)} 02 01 01`, /outside/],
    ['s = 2^256 - 1', `30 26 02 01 01 02 21 00 ${'ff'.repeat(32)}`, /outside/],
    ['r of 33 bytes', `30 26 02 21 01 ${'00'.repeat(32)} 02 01 01`, /outside/],
    ['r of 34 bytes', `30 27 02 22 01 ${'00'.repeat(33)} 02 01 01`, /length of a DER integer/],
    ['a compact signature of 64 bytes', '11'.repeat(64), /not a DER sequence/],
    ['more than the longest signature', `30 48 ${'02 24 01'} ${'00'.repeat(34)} ${'02 01 01'} ${'00'.repeat(30)}`, /length of the DER sequence/]
  ]
  t.doesNotThrow(() => parseDerSignature(hex('30 06 02 01 01 02 01 01')))
  for (const [title, text, message] of cases) t.throws(() => parseDerSignature(hex(text)), { name: 'SignatureRefused', message }, title)
  t.end()
})

void t.test('every cut and every appended byte of a valid signature is refused', (t) => {
  const der = encode(n - 1n, n - 2n)
  t.equal(der.length, 72, 'the longest there is')
  for (let length = 0; length < der.length; length++) t.throws(() => parseDerSignature(der.subarray(0, length)), { name: 'SignatureRefused' })
  for (let byte = 0; byte < 256; byte++) t.throws(() => parseDerSignature(Buffer.concat([der, Buffer.of(byte)])), { name: 'SignatureRefused' })
  t.end()
})

void t.test('one signature has one encoding: whatever is accepted encodes to the same bytes', (t) => {
  let accepted = 0
  for (let i = 0; i < 20_000; i++) {
    const bits = randomInt(1, 32)
    const mutant = Uint8Array.from(encode(BigInt(`0x${randomBytes(bits).toString('hex')}`) % (n - 1n) + 1n, BigInt(`0x${randomBytes(2).toString('hex')}`) + 1n))
    for (let change = randomInt(0, 3); change > 0; change--) mutant[randomInt(mutant.length)] = randomInt(4) === 0 ? randomInt(256) : [0, 1, 2, 0x30, 0x7f, 0x80, 0x81, 0xff][randomInt(8)] ?? 0
    try {
      const { r, s } = parseDerSignature(mutant)
      accepted += 1
      if (Buffer.compare(encode(r, s), mutant) !== 0) t.fail(Buffer.from(mutant).toString('hex'))
    } catch (error) {
      if ((error as Error).name !== 'SignatureRefused') t.fail(`${(error as Error).message}: ${Buffer.from(mutant).toString('hex')}`)
    }
  }
  t.ok(accepted > 1000 && accepted < 20_000, `${accepted} of 20000 were valid`)
  t.end()
})
