import t from 'tap'
import { createLogger, retryWithin } from '../../src/index.ts'

const lines: string[] = []
const log = createLogger({ service: 'x', level: 'info', sha: 'y', environment: 'test', destination: { write: (line) => { lines.push(line) } } })

void t.test('attempts go on until one succeeds, and say what they wait for', async (t) => {
  const startedAt = performance.now()
  const numbers: number[] = []

  const value = await retryWithin({ label: 'MongoDB', seconds: 10, log }, async ({ number }) => {
    numbers.push(number)
    if (number < 3) throw new Error('refused')
    return 'connected'
  })

  t.equal(value, 'connected')
  t.strictSame(numbers, [1, 2, 3])
  const tookMs = performance.now() - startedAt
  t.ok(tookMs > 140, `two delays of at least 50 and 100 ms: ${tookMs}`)
  t.match(lines.at(-1), 'waiting for MongoDB')
})

void t.test('when time is up the error names the label, the attempts and the last reason', async (t) => {
  const startedAt = performance.now()
  await t.rejects(retryWithin({ label: 'Redis', seconds: 0.3, log }, async ({ number }) => { throw new Error(`refused ${number}`) }),
    { message: /^Redis was not there within 0.3 s \(attempts: [23]\): refused [23]$/ })
  t.ok(performance.now() - startedAt < 2000)
})

void t.test('an attempt that hangs is left when time is up, and told so', async (t) => {
  let told = false
  await t.rejects(retryWithin({ label: 'chain', seconds: 0.1, log }, ({ signal }) => {
    signal.addEventListener('abort', () => { told = true })
    return new Promise(() => {})
  }), { message: 'chain was not there within 0.1 s (attempts: 1): no answer' })
  t.ok(told)
})

void t.test('the reason of a refusal outlives a later attempt that only ran out of time', async (t) => {
  await t.rejects(retryWithin({ label: 'KMS', seconds: 0.4, log }, ({ number }) => number === 1 ? Promise.reject(new Error('denied')) : new Promise(() => {})),
    { message: 'KMS was not there within 0.4 s (attempts: 2): denied' })
})

void t.test('a signal gives up at once', async (t) => {
  const aborter = new AbortController()
  const startedAt = performance.now()
  await t.rejects(retryWithin({ label: 'SMTP', seconds: 30, log, signal: aborter.signal }, async () => {
    setImmediate(() => { aborter.abort(new Error('stopping')) })
    throw 'refused'
  }), { message: 'gave up waiting for SMTP: stopping' })
  await t.rejects(retryWithin({ label: 'SMTP', seconds: 30, log, signal: AbortSignal.abort('stopped') }, async () => t.fail('no attempt')), { message: 'gave up waiting for SMTP: stopped' })
  t.ok(performance.now() - startedAt < 2000)
})
