import { createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import { constantTimeEqual, keyedHash, randomDigits, randomToken } from '../src/index.ts'

const key = randomBytes(32)

void t.test('a keyed hash is HMAC-SHA-256 over parts that carry their length', async (t) => {
  t.strictSame(keyedHash(key, 'ab', Buffer.of(7)), createHmac('sha256', key).update(Buffer.from([0, 0, 0, 2, 97, 98, 0, 0, 0, 1, 7])).digest())
  t.strictSame(keyedHash(key, 'ä'), keyedHash(key, Buffer.from('ä')))
})

void t.test('no other split, order or key gives the same hash', async (t) => {
  const hashes = [keyedHash(key, 'ab', 'c'), keyedHash(key, 'a', 'bc'), keyedHash(key, 'abc'), keyedHash(key, 'abc', ''), keyedHash(key, '', 'abc'), keyedHash(key, 'c', 'ab'), keyedHash(key),
    keyedHash(key, '\u0000\u0000\u0000\u0003abc'), keyedHash(randomBytes(32), 'abc')]
  t.equal(new Set(hashes.map((hash) => hash.toString('hex'))).size, hashes.length)
})

void t.test('comparison is right for equal, different, and differently long values', async (t) => {
  t.ok(constantTimeEqual('123456', '123456'))
  t.ok(constantTimeEqual(Buffer.from('123456'), '123456'))
  t.ok(constantTimeEqual('', ''))
  for (const other of ['123457', '12345', '1234567', '', ' 123456']) t.notOk(constantTimeEqual('123456', other))
})

void t.test('digits are digits, leading zeros included, and equally likely', async (t) => {
  t.match(randomDigits(6), /^[0-9]{6}$/)
  t.match(randomDigits(32), /^[0-9]{32}$/)
  const draws = 20_000
  const counts = Array.from({ length: 6 }, () => new Array<number>(10).fill(0))
  for (let i = 0; i < draws; i++) {
    for (const [position, digit] of [...randomDigits(6)].entries()) {
      const row = counts[position] ?? []
      row[Number(digit)] = (row[Number(digit)] ?? 0) + 1
    }
  }
  for (const row of counts) {
    const chiSquare = row.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0)
    // 9 degrees of freedom: above 50 once in 10^7.
    t.ok(chiSquare < 50, `chi square ${chiSquare}`)
  }
  for (const count of [0, 33, 1.5, Number.NaN]) t.throws(() => randomDigits(count), /between 1 and 32/)
})

void t.test('tokens have the entropy asked for', async (t) => {
  t.match(randomToken(32), /^[A-Za-z0-9_-]{43}$/)
  t.equal(new Set(Array.from({ length: 1000 }, () => randomToken(16))).size, 1000)
})
