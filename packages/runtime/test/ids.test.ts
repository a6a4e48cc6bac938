import { Value } from 'typebox/value'
import { TransactionId, UserId } from '@countersign/contracts'
import t from 'tap'
import { clockFrom, lowestId, newId, systemClock, timeOfId } from '../src/index.ts'

void t.test('an id is its prefix and 26 characters that the contracts accept', async (t) => {
  t.ok(Value.Check(TransactionId, newId('tx')))
  t.ok(Value.Check(UserId, newId('usr')))
})

void t.test('ids of later milliseconds sort after earlier ones and give their time back', async (t) => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1]
  const ids = times.map((time) => newId('tx', time))

  t.strictSame([...ids].sort(), ids)
  t.strictSame(ids.map(timeOfId), times)
  t.match(newId('tx', 0), /^tx_0000000000/)
  for (const [index, time] of times.entries()) t.strictSame([...ids, lowestId('tx', time)].sort().indexOf(lowestId('tx', time)), index, 'below all of its own and later milliseconds')
  t.ok(Math.abs(timeOfId(newId('tx')) - Date.now()) < 1000)
})

void t.test('ids of one millisecond differ, and each of their 80 random bits moves', async (t) => {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const ids = Array.from({ length: 20_000 }, () => newId('tx', 1))

  t.equal(new Set(ids).size, ids.length)
  for (let position = 0; position < 16; position++) {
    const seen = new Set(ids.map((id) => id.charAt('tx_'.length + 10 + position)))
    t.strictSame([...seen].sort().join(''), alphabet)
  }
})

void t.test('the clock can be moved by an offset', async (t) => {
  t.equal(clockFrom(0), systemClock)
  t.ok(Math.abs(systemClock.now().getTime() - Date.now()) < 1000)
  t.ok(Math.abs(clockFrom(3_600_000).now().getTime() - Date.now() - 3_600_000) < 1000)
})
