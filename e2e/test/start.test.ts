/** What an operator reads when a service cannot start. */
import { spawn } from 'node:child_process'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import { freePort, startStack, type Stack } from '@countersign/local-stack'
import { scratchDirectory } from '@countersign/testing'
import t from 'tap'
import { workspaceRoot } from '../src/house.ts'

interface Ended { readonly code: number | null, readonly stdout: string, readonly stderr: string, readonly seconds: number }

async function run (service: ServiceName, env: Record<string, string>): Promise<Ended> {
  const from = performance.now()
  const child = spawn(process.execPath, [`${workspaceRoot}services/${service}/dist/src/main.js`], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr, seconds: (performance.now() - from) / 1000 }
}

let stack: Stack
t.before(async () => { stack = await startStack({ dataDirectory: await scratchDirectory(t, 'start') }) })
t.teardown(() => stack.stop())

t.test('without an environment each service names every variable that it needs, a line each, and exits 1', async (t) => {
  await Promise.all(serviceNames.map(async (service) => {
    const { code, stderr } = await run(service, {})
    t.equal(code, 1, service)
    const lines = stderr.trim().split('\n')
    t.ok(lines.length >= 4 && lines.every((line) => /^[a-z-]+: [A-Z_]+ /.test(line)), `${service}: ${stderr}`)
    t.match(stderr, /MONGODB_URI is missing/)
  }))
})

t.test('strict mode refuses weak secrets, test switches and plain addresses, and prints no value', async (t) => {
  const weak = 'changeme-changeme-changeme-changeme'
  const { code, stdout, stderr } = await run('auth-gateway', {
    ...stack.environmentFor('auth-gateway'), NODE_ENV: 'production', ENVIRONMENT: 'production', SECRET_KEY: weak, CLOCK_OFFSET_MS: '1000', ACCESS_TOKEN_EXPIRE_MINUTES: '600'
  })
  t.equal(code, 1)
  for (const name of ['SECRET_KEY', 'CLOCK_OFFSET_MS', 'ACCESS_TOKEN_EXPIRE_MINUTES', 'PUBLIC_URL']) t.match(stderr, new RegExp(`^auth-gateway: ${name} `, 'm'), name)
  t.notMatch(stdout + stderr, weak)
  const otp = await run('otp-service', { ...stack.environmentFor('otp-service'), FRONTEND_URL: '', NODE_ENV: 'production' })
  t.match(otp.stderr, /^otp-service: FRONTEND_URL is missing: Origin that links in mails lead to/m)
  t.match(otp.stderr, /^otp-service: PUBLIC_URL must be https/m, 'browsers bind passkeys to no plain address')
  const signer = await run('signer-service', { ...stack.environmentFor('signer-service'), NODE_ENV: 'production', HOT_WALLET_PRIVATE_KEY: `0x${'11'.repeat(32)}`, ALLOW_PRIVATE_KEY_FALLBACK: 'true' })
  t.equal(signer.code, 1)
  t.match(signer.stderr, /HOT_WALLET_PRIVATE_KEY/)
  t.notMatch(signer.stdout + signer.stderr, '1111111111')
})

t.test('a variable under two names that differ, and PostgreSQL in the place of MongoDB, are faults with a remedy', async (t) => {
  const { stderr } = await run('auth-gateway', { ...stack.environmentFor('auth-gateway'), API_URL: 'http://other.example', DATABASE_URL: 'postgresql://user:hidden@db/x' })
  t.match(stderr, /PUBLIC_URL/)
  t.match(stderr, /set MONGODB_URI/)
  t.notMatch(stderr, /hidden/)
})

t.test('what cannot be reached is waited for, for a bounded time, then named', async (t) => {
  const port = await freePort()
  const within = { START_TIMEOUT_SECONDS: '2' }
  const cases: [ServiceName, Record<string, string>, RegExp][] = [
    ['auth-gateway', { MONGODB_URI: `mongodb://nobody:secret-password@127.0.0.1:${port}/x?serverSelectionTimeoutMS=500` }, /MongoDB/],
    ['otp-service', { REDIS_URL: `redis://nobody:secret-password@127.0.0.1:${port}` }, /Redis/],
    ['email-worker', { SMTP_PORT: String(port) }, /SMTP|mail server/i],
    ['signer-service', { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }, /KMS/]
  ]
  await Promise.all(cases.map(async ([service, env, reason]) => {
    const { code, stdout, seconds } = await run(service, { ...stack.environmentFor(service), ...within, ...env })
    t.equal(code, 1, service)
    t.match(stdout.split('\n').filter((line) => line.includes('"fatal"')).join(), reason, `${service} says what it misses`)
    t.ok(seconds < 25, `${service} gave up after ${seconds} s`)
    t.notMatch(stdout, /secret-password/)
  }))
})
