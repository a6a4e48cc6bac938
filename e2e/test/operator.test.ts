/** The command line of each service against real stores, with the rights that the service itself has. */
import { spawn } from 'node:child_process'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import { startStack, type Stack } from '@countersign/local-stack'
import { scratchDirectory } from '@countersign/testing'
import t from 'tap'
import { workspaceRoot } from '../src/house.ts'

interface Ended { readonly code: number | null, readonly stdout: string, readonly stderr: string }

async function run (service: ServiceName, env: Readonly<Record<string, string>>, ...command: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [`${workspaceRoot}services/${service}/dist/cli.js`, ...command], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

let stack: Stack
t.before(async () => { stack = await startStack({ dataDirectory: await scratchDirectory(t, 'operator'), parts: ['mongo', 'redis'] }) })
t.teardown(() => stack.stop())

t.test('the database user of each service may make, check and migrate what is its own; more is an administrator\'s', async (t) => {
  await Promise.all(serviceNames.map(async (service) => {
    for (const command of ['indexes ensure', 'migrate', 'verify']) {
      const { code, stderr } = await run(service, stack.environmentFor(service), 'db', ...command.split(' '))
      t.equal(code, 0, `${service}: db ${command} ${stderr}`)
    }
  }))
  const service = 'auth-gateway'
  const own = stack.environmentFor(service)
  const administrator = { ...own, MONGODB_URI: stack.mongo.adminUri }
  const [refused, partly, profiled, whole] = await Promise.all([
    run(service, own, 'db', 'profile', '--seconds', '1'), run(service, own, 'db', 'verify', '--full'),
    run(service, administrator, 'db', 'profile', '--seconds', '1', '--slow-ms', '0'), run(service, administrator, 'db', 'verify', '--full')
  ])
  t.match(refused, { code: 1, stderr: /^error: the service's database user may not do this: it needs a MONGODB_URI of the database's administrator/ })
  t.match(partly, { code: 1, stdout: /documents +failed +not looked at: it needs/ })
  t.match(profiled, { code: 0 })
  t.match(whole, { code: 0, stdout: /documents of audit +ok/ })
})
