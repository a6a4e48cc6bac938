import t from 'tap'
import { copyBytes } from '../../src/input/bytes.ts'
import { readProperties } from '../../src/input/properties.ts'
import { readText } from '../../src/input/text.ts'
import { hostileValues, revoked, trap } from './hostile-values.ts'

t.test('bytes are a Uint8Array of the size asked for, and are copied', async (t) => {
  const given = Uint8Array.from([1, 2, 3])
  const copy = copyBytes(given, 3)
  given[0] = 9
  t.strictSame(copy, Uint8Array.from([1, 2, 3]))

  t.strictSame(copyBytes(Buffer.from('abc'), 1, 3), Uint8Array.from([97, 98, 99]))
  t.strictSame(copyBytes(new Uint8Array(new SharedArrayBuffer(4), 1, 2), 2), new Uint8Array(2))
  for (const [min, max] of [[4, 5], [0, 2], [2, 2]] as const) t.equal(copyBytes(given, min, max), null)
})

t.test('what only looks like bytes is none', async (t) => {
  const real = hostileValues.filter((value) => copyBytes(value, 64) !== null)
  t.equal(real.length, 2, 'one plain and one of a subclass whose own length throws')
  t.equal(copyBytes(new Proxy(new Uint8Array(3), {}), 3), null)
  t.equal(copyBytes(Object.create(Uint8Array.prototype), 0), null)
})

t.test('a text is its UTF-8 bytes, and a lone surrogate has none', async (t) => {
  t.strictSame(new Uint8Array(readText('é€😀') as Uint8Array), new Uint8Array(Buffer.from('é€😀')))
  t.strictSame((readText('a'.repeat(65_536)) as Uint8Array).length, 65_536)
  t.equal(readText('a'.repeat(65_537)), 'message is too long')
  for (const text of ['\ud800', 'a\udc00', '\udc00\ud800']) t.equal(readText(text), 'message is not well-formed text')
  for (const value of hostileValues) if (typeof value !== 'string') t.equal(readText(value), 'message is not well-formed text')
})

t.test('properties are read once each, and what cannot be read is null', async (t) => {
  let reads = 0
  t.strictSame(readProperties({ get a () { reads += 1; return 1 }, b: 2 }, ['a', 'c']), { a: 1, c: undefined })
  t.equal(reads, 1)
  for (const value of [undefined, null, trap, revoked, { get a () { throw new Error('getter') } }]) t.equal(readProperties(value, ['a']), null)
  t.strictSame(readProperties('text', ['length']), { length: 4 })
})
