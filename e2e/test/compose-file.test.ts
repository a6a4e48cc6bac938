/** docker-compose.yml cannot be run everywhere; what can be checked without Docker is checked here. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { serviceNames } from '@countersign/contracts'
import t from 'tap'
import { parse } from 'yaml'
import { workspaceRoot } from '../src/house.ts'

interface ComposeService {
  readonly image?: string
  readonly build?: { readonly dockerfile: string, readonly args?: { readonly SERVICE: string } }
  readonly environment?: Readonly<Record<string, string | number>>
  readonly healthcheck?: { readonly interval: string, readonly timeout: string, readonly retries: number, readonly start_period?: string }
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly volumes?: readonly string[]
}

const run = promisify(execFile)
const text = await readFile(`${workspaceRoot}docker-compose.yml`, 'utf8')
const { services, volumes } = parse(text, { merge: true }) as { services: Record<string, ComposeService>, volumes: Record<string, null> }
const timing = ({ healthcheck }: ComposeService) => [healthcheck?.interval, healthcheck?.timeout, healthcheck?.retries, healthcheck?.start_period]

t.test('the whole house is there, each service from the one Dockerfile', async (t) => {
  for (const name of ['mongo', 'redis', 'init', 'localstack', 'anvil', 'mail', 'sms', ...serviceNames]) t.ok(services[name], name)
  for (const name of serviceNames) t.match(services[name], { build: { dockerfile: 'infra/service.Dockerfile', args: { SERVICE: name } } }, name)
})

t.test('health checks have the agreed times', async (t) => {
  for (const name of serviceNames) t.strictSame(timing(services[name] as ComposeService), ['30s', '10s', 3, '40s'], name)
  t.strictSame(timing(services['mongo'] as ComposeService).slice(0, 3), ['10s', '5s', 5])
  t.strictSame(timing(services['redis'] as ComposeService).slice(0, 3), ['10s', '3s', 5])
})

t.test('database ports are published under the profile dev only, and on this machine only', async (t) => {
  for (const [name, { ports = [], profiles = [] }] of Object.entries(services)) {
    for (const port of ports.filter((mapping) => /:(27017|6379)$/.test(mapping))) {
      t.strictSame(profiles, ['dev'], name)
      t.match(port, /^127\.0\.0\.1:/)
    }
  }
  const mountsSources = Object.values(services).filter((service) => service.volumes?.some((volume) => volume.startsWith('.:')))
  t.ok(mountsSources.length > 0 && mountsSources.every(({ profiles }) => profiles?.includes('dev')))
})

t.test('data lies in named volumes, all declared', async (t) => {
  const named = Object.values(services).flatMap((service) => service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '').filter((source) => !/^[./]/.test(source))
  t.strictSame([...new Set(named)].sort(), Object.keys(volumes).sort())
})

t.test('each service gets every variable that it needs, and none that it does not know', async (t) => {
  for (const name of serviceNames) {
    const { stdout } = await run(process.execPath, [`${workspaceRoot}services/${name}/dist/cli.js`, 'env', 'describe', '--json'], { env: {} })
    const known = JSON.parse(stdout) as { name: string, required: boolean }[]
    const given = Object.keys(services[name]?.environment ?? {})
    const foreign = given.filter((variable) => !known.some((row) => row.name === variable) && !variable.startsWith('AWS_'))
    t.strictSame(foreign, [], `${name}: unknown variables`)
    t.strictSame(known.filter((row) => row.required && !given.includes(row.name)).map((row) => row.name), [], `${name}: missing variables`)
  }
})

t.test('env init writes everything that the file asks for, mode 600, and keeps what is there', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/countersign-env-`)
  t.teardown(() => rm(directory, { recursive: true }))
  const file = `${directory}/.env`
  const init = () => run(process.execPath, [`${workspaceRoot}scripts/countersign.mjs`, 'env', 'init', '--file', file], { env: { PATH: process.env.PATH } })

  const { stdout } = await init()

  const written = await readFile(file, 'utf8')
  const names = [...written.matchAll(/^([A-Z_0-9]+)=/gm)].map(([, name]) => name)
  const wanted = [...text.matchAll(/\$\{([A-Z_0-9]+)(:?[-?][^}]*)?\}/g)].filter(([, , rest]) => !(rest ?? '').includes('-')).map(([, name]) => name)
  t.strictSame([...new Set(wanted)].filter((name) => !names.includes(name)), [])
  const secret = /^OTP_SERVICE_SECRET_KEY=(.+)$/m.exec(written)?.[1] ?? ''
  t.ok(secret.length >= 32)
  t.notMatch(stdout, secret, 'the command prints no value')
  const { stat } = await import('node:fs/promises')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  await t.rejects(init(), { code: 1, stderr: /exists/ })
  t.equal(await readFile(file, 'utf8'), written)
})
