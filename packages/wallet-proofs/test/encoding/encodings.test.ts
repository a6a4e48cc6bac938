import { base58 as scureBase58 } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import { decodeBase58 } from '../../src/encoding/base58.ts'
import { decodeBase64 } from '../../src/encoding/base64.ts'
import { bytesOf, hostileValues } from '../input/hostile-values.ts'

const hexOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex')

t.test('the base64 vectors of RFC 4648 are read', async (t) => {
  for (const [text, encoded] of [['', ''], ['f', 'Zg=='], ['fo', 'Zm8='], ['foo', 'Zm9v'], ['foob', 'Zm9vYg=='], ['fooba', 'Zm9vYmE='], ['foobar', 'Zm9vYmFy']] as const) {
    t.equal(hexOf(decodeBase64(encoded, 6)), Buffer.from(text).toString('hex'))
  }
})

t.test('base64 in any other spelling is refused', async (t) => {
  for (const text of ['Zg', 'Zg=', 'Zg===', 'Zm9vYg', 'Zh==', 'Zm9=', 'Zm9v=', 'Zm9v====', '=', '==', '====', 'Z', 'Z===', 'Zm 9v', ' Zm9v', 'Zm9v ', 'Zm9v\n', 'Zm\r\n9v', 'Zm9v\0', '-_-_', '_w==', 'Zm9vé', 'Ｚｍ９ｖ', 'Zg==Zg==']) {
    t.equal(decodeBase64(text, 100), null, JSON.stringify(text))
  }
  for (const value of hostileValues) if (typeof value !== 'string') t.equal(decodeBase64(value, 100), null)
})

t.test('every byte string has one base64 spelling', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => hexOf(decodeBase64(Buffer.from(bytes).toString('base64'), 100)) === hexOf(bytes)))
  const nearly = fc.string({ unit: fc.constantFrom(...'AZaz09+/=-_ \n'), maxLength: 12 })
  fc.assert(fc.property(nearly, (text) => {
    const bytes = decodeBase64(text, 100)
    return bytes === null || Buffer.from(bytes).toString('base64') === text
  }), { numRuns: 5_000 })
  t.pass()
})

t.test('base64 of more bytes than asked for is refused', async (t) => {
  for (const size of [0, 1, 2, 3, 63, 64, 65]) {
    const text = Buffer.alloc(size, 7).toString('base64')
    t.equal(decodeBase64(text, size)?.length, size)
    if (size > 0) t.equal(decodeBase64(text, size - 1), null)
  }
})

t.test('base58 is read at its one size and in its one spelling', async (t) => {
  // draft-msporny-base58, test vectors.
  t.equal(hexOf(decodeBase58('2NEpo7TZRRrLZSi2U', 12)), hexOf(Buffer.from('Hello World!')))
  t.equal(hexOf(decodeBase58('11233QC4', 6)), '0000287fb4cd')
  for (const size of [0, 1, 31, 32, 33, 64]) {
    for (const bytes of [new Uint8Array(size), new Uint8Array(size).fill(255), new Uint8Array(size).fill(1)]) {
      const text = scureBase58.encode(bytes)
      t.strictSame(decodeBase58(text, size), bytes)
      for (const other of [`1${text}`, ` ${text}`, `${text} `, `${text}\n`, `${text}=`]) t.equal(decodeBase58(other, size), null)
      if (size > 0) for (const character of '0OIl+/_ é\0') t.equal(decodeBase58(`${character}${text.slice(1)}`, size), null)
      for (const other of [size - 1, size + 1].filter((other) => other >= 0)) t.equal(decodeBase58(text, other), null)
    }
  }
  fc.assert(fc.property(bytesOf(32), (bytes) => hexOf(decodeBase58(scureBase58.encode(bytes), 32)) === hexOf(bytes)))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'12Az90'), minLength: 31, maxLength: 45 }), (text) => {
    const bytes = decodeBase58(text, 32)
    return bytes === null || scureBase58.encode(bytes) === text
  }), { numRuns: 1_000 })
  for (const value of hostileValues) if (typeof value !== 'string') t.equal(decodeBase58(value, 32), null)
})

t.test('no size of text takes an encoding long', async (t) => {
  const started = performance.now()
  for (const huge of ['1'.repeat(100_000_000), 'A'.repeat(100_000_000), 'z'.repeat(100_000_000), '='.repeat(100_000_000)]) {
    t.equal(decodeBase58(huge, 64), null)
    t.equal(decodeBase64(huge, 64), null)
  }
  t.ok(performance.now() - started < 2_000)
})
