import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

interface Line { readonly level: string, readonly msg: string }

function startProcess (t: Test, fixture: string, args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../fixtures/${fixture}.js`, import.meta.url)), ...args], { env })
  t.after(() => { child.kill('SIGKILL') })
  const lines: Line[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => { lines.push(JSON.parse(line)) })
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
  return {
    child,
    lines,
    messages: () => lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg),
    stderr: () => stderr,
    closed,
    /** Resolves when a line with this message was written. */
    async said (message: string) {
      while (!lines.some(({ msg }) => msg === message)) await once(reader, 'line')
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  void t.test(`${signal} stops everything in the reverse order of start and exits 0`, async (t) => {
    const { child, said, closed, messages } = startProcess(t, 'service', ['plain'])
    await said('fixture started')

    child.kill(signal)

    t.strictSame(await closed, [0, null])
    t.strictSame(messages(), ['fixture started', `fixture got ${signal} and stops`, 'stopped worker', 'stopped store', 'fixture stopped'])
  })
}

void t.test('a start that fails stops what had started and exits 1 with one reason', async (t) => {
  const { closed, messages, lines } = startProcess(t, 'service', ['start-fails'])

  t.strictSame(await closed, [1, null])
  t.strictSame(messages(), ['fixture could not start: no store at mongodb://[redacted]@db', 'stopped worker', 'stopped store', 'fixture stopped'])
  t.equal(lines.filter(({ level }) => level === 'fatal').length, 1)
  t.notMatch(JSON.stringify(lines), 'leaked')
})

void t.test('a signal during the start aborts it, stops what it opened on its way out, and is no failure', async (t) => {
  const { child, said, closed, messages, lines } = startProcess(t, 'service', ['slow-start'])
  await said('waiting')

  child.kill('SIGTERM')

  t.strictSame(await closed, [0, null])
  t.strictSame(messages().sort(), ['fixture got SIGTERM and stops', 'fixture stopped', 'stopped late', 'stopped store', 'stopped worker', 'waiting'])
  t.ok(lines.some(({ level, msg }) => level === 'debug' && msg === 'fixture could not start while stopping: aborted'))
})

void t.test('what does not stop by the deadline is named and left behind', async (t) => {
  const { child, said, closed, messages } = startProcess(t, 'service', ['hang'])
  await said('fixture started')

  child.kill('SIGTERM')

  t.strictSame(await closed, [1, null])
  t.strictSame(messages().slice(2), ['worker hangs', 'worker did not stop in time', 'stopped store', 'fixture stopped'])
})

void t.test('a second signal exits at once', async (t) => {
  const { child, said, closed, messages } = startProcess(t, 'service', ['second-signal'])
  await said('fixture started')
  child.kill('SIGTERM')
  await said('worker hangs')

  child.kill('SIGINT')

  t.strictSame(await closed, [130, null])
  t.equal(messages().at(-1), 'fixture got SIGINT while stopping and exits at once')
})

void t.test('a stop that throws does not keep the others from stopping, and exits 1', async (t) => {
  const { child, said, closed, messages } = startProcess(t, 'service', ['broken-stop'])
  await said('fixture started')

  child.kill('SIGTERM')

  t.strictSame(await closed, [1, null])
  t.strictSame(messages().slice(2), ['worker failed to stop', 'stopped store', 'fixture stopped'])
})

const failures = {
  uncaught: 'fixture failed: nobody caught this', rejected: 'fixture failed: nobody caught that', fail: 'fixture failed: lost the lease', 'throws-text': 'fixture could not start: a text'
}
for (const [scenario, reason] of Object.entries(failures)) {
  void t.test(`a failure (${scenario}) stops the process with its reason`, async (t) => {
    const { closed, lines, messages } = startProcess(t, 'service', [scenario])

    t.strictSame(await closed, [1, null])
    t.strictSame(lines.filter(({ level }) => level === 'fatal').map(({ msg }) => msg), [reason])
    t.strictSame(messages().slice(-3), ['stopped worker', 'stopped store', 'fixture stopped'])
  })
}

void t.test('faults of the environment are printed a line each, and end the process', async (t) => {
  const bad = startProcess(t, 'environment', [], { PORT: 'leaked' })
  t.strictSame(await bad.closed, [1, null])
  t.equal(bad.stderr(), 'fixture: PORT must be integer: Public port\nfixture: NAME is missing: Name\n')

  const good = startProcess(t, 'environment', [], { PORT: '1', NAME: 'a' })
  t.strictSame(await good.closed, [0, null])
  t.strictSame(good.lines, [{ PORT: 1, NAME: 'a' }])
})
