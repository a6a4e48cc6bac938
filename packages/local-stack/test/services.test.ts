/** Starting and stopping service processes, with small ones in the places of the real ones. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import t, { type Test } from 'tap'
import { freePort, startServices, startStack, type Stack } from '../src/index.ts'
import { processIdentity } from '../src/process/identity.ts'

const ready = `import { createServer } from 'node:http'
const server = createServer((request, response) => { response.writeHead(request.url === '/ready' ? 200 : 404).end() })
server.listen(Number(process.env.OPS_PORT), '127.0.0.1')
console.log(JSON.stringify({ level: 'info', service: process.env.NAME, secret: process.env.SECRET_KEY !== undefined, home: process.env.HOME ?? null, msg: 'listening' }))
`
const stopping = (more: string): string => `${ready}process.on('SIGTERM', () => { console.log(JSON.stringify({ msg: 'stopping', at: process.hrtime.bigint().toString() })); ${more} })\n`
const polite = stopping('server.close(() => process.exit(0)); server.closeAllConnections()')
const dying = 'console.log(JSON.stringify({ level: "info", msg: "starting" }))\nconsole.log(JSON.stringify({ level: "error", msg: "cannot start", err: { message: "SECRET_KEY is missing" } }))\nprocess.exit(1)\n'
const neverReady = 'import "node:http"\nsetInterval(() => {}, 1000)\nconsole.log("still waiting")\n'

const directory = await mkdtemp(join(tmpdir(), 'countersign-services-'))
t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })

const open = async (t: Test, mains: Partial<Record<ServiceName, string>> = {}, compatibilityPorts: readonly number[] = []): Promise<{ stack: Stack, services: string, log: (service: ServiceName) => Promise<string> }> => {
  const home = await mkdtemp(join(directory, 'house-'))
  for (const name of serviceNames) {
    await mkdir(join(home, name, 'dist'), { recursive: true })
    await writeFile(join(home, name, 'dist/package.json'), '{ "type": "module" }')
    await writeFile(join(home, name, 'dist/main.js'), mains[name] ?? polite)
  }
  const dataDirectory = join(home, 'data')
  const stack = await startStack({ dataDirectory, parts: ['redis'], compatibilityPorts })
  t.teardown(stack.stop)
  // These processes ask nothing of a database.
  const environmentFor: Stack['environmentFor'] = (name) => ({ NAME: name, SECRET_KEY: 'x', ...(compatibilityPorts.length === 0 ? {} : { COMPATIBILITY_PORTS: compatibilityPorts.join(',') }) })
  const withEnvironment = new Proxy(stack, { get: (target, key) => key === 'environmentFor' ? environmentFor : Reflect.get(target, key) as unknown })
  return { stack: withEnvironment, services: home, log: async (service) => await readFile(join(dataDirectory, 'logs', `${service}.log`), 'utf8') }
}

t.test('four processes become ready, can be killed and started again, and stop in the reverse order of need', async (t) => {
  const { stack, services: home, log } = await open(t)
  const services = await startServices(stack, { directory: home, environment: { 'otp-service': { NAME: 'overridden' } } })
  for (const name of serviceNames) t.equal((await fetch(`${services.opsUrls[name]}/ready`)).status, 200)
  t.match(JSON.parse((await log('signer-service')).split('\n')[0] ?? ''), { service: 'signer-service', secret: true, home: null }, 'it sees its own environment, not ours')
  t.match(JSON.parse((await log('otp-service')).split('\n')[0] ?? ''), { service: 'overridden' })

  const pid = services.pid('otp-service') ?? 0
  await t.rejects(services.start('otp-service'), { message: 'otp-service runs already' })
  await services.kill('otp-service', 'SIGKILL')
  t.equal(processIdentity(pid), undefined)
  t.equal(services.pid('otp-service'), undefined)
  await services.start('otp-service')
  t.not(services.pid('otp-service'), pid)

  const pids = serviceNames.map((name) => services.pid(name) ?? 0)
  await stack.stop()

  t.strictSame(pids.map(processIdentity), [undefined, undefined, undefined, undefined])
  const stopped = await Promise.all(serviceNames.map(async (name) => ({ name, at: BigInt(/"at":"(\d+)"/.exec(await log(name))?.[1] ?? '0') })))
  t.strictSame(stopped.sort((a, b) => a.at < b.at ? -1 : 1).map(({ name }) => name), ['auth-gateway', 'signer-service', 'otp-service', 'email-worker'])
  await services.stop()
})

t.test('a service that ends early is named with its last error, at once, and the others are stopped', async (t) => {
  const { stack, services: home } = await open(t, { 'signer-service': dying, 'auth-gateway': neverReady })
  const from = Date.now()
  await t.rejects(startServices(stack, { directory: home }), {
    name: 'EarlyExit', message: /^signer-service ended before it was ready \(exit code 1\): cannot start: SECRET_KEY is missing \(its log: .*signer-service\.log\)$/
  })
  t.ok(Date.now() - from < 20_000, 'it did not wait for the gateway to be ready')
  const { processesNaming } = await import('./process/processes.ts')
  t.strictSame(processesNaming(home).filter((line) => line.includes('main.js')), [])
})

t.test('a service that is never ready is named after its time', async (t) => {
  const { stack, services: home } = await open(t, { 'email-worker': neverReady })
  await t.rejects(startServices(stack, { directory: home, readyMs: 700 }), { name: 'StackFault', message: /^email-worker was not ready after 1 seconds .*still waiting/ })
})

t.test('a port of the gateway or of the operations that is taken is a sentence', async (t) => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const { port } = taken.address() as AddressInfo
  const { stack, services: home } = await open(t, {}, [await freePort(), port])
  await t.rejects(startServices(stack, { directory: home }), { name: 'StackFault', message: `Port ${port} of 127.0.0.1, wanted for the gateway, is taken: stop the program that listens there or choose another port.` })
  const { stack: other } = await open(t)
  await t.rejects(startServices(other, { directory: home, opsPort: port }), { name: 'StackFault', message: /wanted for health and metrics of auth-gateway/ })
})
