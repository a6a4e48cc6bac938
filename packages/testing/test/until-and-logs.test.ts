import t from 'tap'
import { captureLogs, until } from '../src/index.ts'

t.test('until gives the first truthy answer, also after throws', async (t) => {
  let calls = 0
  const answer = await until(async () => {
    calls++
    if (calls === 1) throw new Error('not yet')
    return calls === 3 && { calls }
  }, { what: 'the third call', everyMs: 1 })
  t.strictSame(answer, { calls: 3 })
  t.equal(await until(() => 'now', { what: 'nothing', timeoutMs: 0 }), 'now', 'asks at least once')
})

t.test('until fails at its deadline with what it waited for and the last refusal', async (t) => {
  await t.rejects(until(() => false, { what: 'a miracle', timeoutMs: 5, everyMs: 1 }), { message: 'waited 5 ms for a miracle' })
  await t.rejects(until(() => { throw new Error('connection refused') }, { what: 'the server', timeoutMs: 5, everyMs: 1 }), { message: 'waited 5 ms for the server: connection refused' })
})

t.test('captureLogs keeps what is written to it, as lines and as text', (t) => {
  const logs = captureLogs()
  logs.destination.write(`${JSON.stringify({ challenge: 'chl_1', msg: 'one' })}\n`)
  logs.destination.write('plain words\nhalf a li')
  t.match(logs.lines(), [{ challenge: 'chl_1', msg: 'one' }, { msg: 'plain words' }])
  t.equal(logs.lines().length, 2, 'an unfinished line waits')
  t.ok(logs.text().endsWith('half a li'))
  logs.clear()
  t.strictSame(logs.lines(), [])
  t.end()
})
