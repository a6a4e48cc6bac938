/** Whatever happens to the process that started the parts, none of them is left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startStack } from '../../src/index.ts'
import { processIdentity } from '../../src/process/identity.ts'
import { processesNaming } from './processes.ts'

const folder = async (t: Test): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-left-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  return directory
}

const inOtherProcess = async (t: Test, dataDirectory: string): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'one-stack.js'), dataDirectory], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  if (child.stdout === null) throw new Error('no output')
  await once(child.stdout, 'data')
  return child
}

const records = async (dataDirectory: string): Promise<number[]> => {
  const directory = join(dataDirectory, 'processes')
  const files = (await readdir(directory)).filter((file) => file !== 'stack.json')
  return await Promise.all(files.map(async (file) => (JSON.parse(await readFile(join(directory, file), 'utf8')) as { pid: number }).pid))
}

t.test('SIGTERM and SIGINT end the parts before the process follows the signal', async (t) => {
  await Promise.all((['SIGTERM', 'SIGINT'] as const).map(async (signal) => {
    const dataDirectory = await folder(t)
    const child = await inOtherProcess(t, dataDirectory)
    const pids = await records(dataDirectory)
    t.equal(pids.length, 3)

    child.kill(signal)

    t.strictSame(await once(child, 'exit'), [null, signal])
    t.strictSame(pids.map(processIdentity), [undefined, undefined, undefined])
    t.strictSame(await readdir(join(dataDirectory, 'processes')), [])
  }))
})

t.test('after SIGKILL the next start on the same data ends what was left, and nobody else', async (t) => {
  const dataDirectory = await folder(t)
  const child = await inOtherProcess(t, dataDirectory)
  const left = await records(dataDirectory)
  await t.rejects(startStack({ dataDirectory, parts: ['redis'] }), { name: 'StackFault', message: new RegExp(`^Process ${child.pid} already runs a stack on `) })
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(left.every((pid) => processIdentity(pid) !== undefined), 'they outlived it')

  // The system may give the number of an ended part to a stranger: here, one that bears its record.
  const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  t.teardown(() => { stranger.kill('SIGKILL') })
  await once(stranger, 'spawn')
  await writeFile(join(dataDirectory, 'processes', 'mongod.json'), JSON.stringify({ pid: stranger.pid, identity: '1 /usr/bin/mongod --dbpath elsewhere' }))
  await writeFile(join(dataDirectory, 'processes', 'broken.json'), '{')

  const stack = await startStack({ dataDirectory, parts: ['redis'] })

  t.strictSame(left.map(processIdentity), [undefined, undefined, undefined])
  t.not(processIdentity(stranger.pid ?? 0), undefined, 'the stranger lives')
  t.strictSame((await readdir(join(dataDirectory, 'processes'))).sort(), ['redis-server.json', 'stack.json'])
  await stack.stop()
})

t.test('a taken port is a sentence that names it, and what had come up is gone again', async (t) => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const { port } = taken.address() as AddressInfo
  const dataDirectory = await folder(t)
  for (const [part, what] of [['mongo', 'MongoDB'], ['redis', 'Redis'], ['chain', 'anvil'], ['kms', 'the KMS emulator'], ['smtp', 'SMTP']] as const) {
    await t.rejects(startStack({ dataDirectory, parts: ['redis', 'chain', 'kms', 'smtp', part], ports: { [part]: port } }), {
      name: 'StackFault',
      message: `Port ${port} of 127.0.0.1, wanted for ${what}, is taken: stop the program that listens there or choose another port.`
    })
    t.strictSame(processesNaming(dataDirectory), [])
    t.strictSame(await readdir(join(dataDirectory, 'processes')), [])
  }
})

t.test('a part that ends early is named with the last thing it said', async (t) => {
  const dataDirectory = await folder(t)
  await mkdir(join(dataDirectory, 'redis', 'appendonlydir'), { recursive: true })
  await writeFile(join(dataDirectory, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'this is no manifest\n')
  await t.rejects(startStack({ dataDirectory, parts: ['redis', 'kms'] }), { name: 'EarlyExit', message: /^redis-server ended before it was ready \(exit code 1\): .*\(its log: .*redis\.log\)$/ })
  t.strictSame(processesNaming(dataDirectory), [])
})
