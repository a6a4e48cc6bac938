/**
 * GET /api/v1/me over 1,000 sessions in turn: token check, outer rate limit in Redis, session state at most one second old.
 * Beside it, in the same run, a bare Fastify route of the same size: the ceiling of one process here.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { serviceNodeFlags, startStack } from '@countersign/local-stack'
import { until } from '@countersign/testing'
import autocannon from 'autocannon'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { MongoClient } from 'mongodb'
import { median, table, whole } from './table.ts'

const sessions = 1_000
const rounds = 3
const seconds = 8
const root = fileURLToPath(new URL('../../../', import.meta.url))

const directory = await mkdtemp(`${tmpdir()}/countersign-bench-`)
const stack = await startStack({ dataDirectory: directory, parts: ['mongo', 'redis'] })
const children: ChildProcess[] = []
try {
  const port = 20_000 + Math.floor(Math.random() * 5_000)
  const gateway = spawn(process.execPath, [...serviceNodeFlags, `${root}services/auth-gateway/dist/main.js`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env, ...stack.environmentFor('auth-gateway'), PORT: String(port), OPS_PORT: '0', COMPATIBILITY_PORTS: '', LOG_LEVEL: 'warn',
      RATE_LIMIT_MAX: '100000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '100000000'
    }
  })
  children.push(gateway)
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/health`)).status === 200, { timeoutMs: 20_000, what: 'the gateway' })
  const tokens = await openSessions(url)

  const bare = fork(fileURLToPath(new URL('./me-ceiling.js', import.meta.url)))
  children.push(bare)
  const [ceilingPort] = await once(bare, 'message') as [number]

  const mongo = await new MongoClient(stack.mongo.adminUri).connect()
  const reads = async (): Promise<number> => Number((await mongo.db('admin').command({ serverStatus: 1 }))['opcounters'].query)

  const results: { me: number, p99: number, bare: number, mongoReads: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const before = await reads()
    const me = await load(`${url}/api/v1/me`, tokens)
    const mongoReads = await reads() - before
    const ceiling = await load(`http://127.0.0.1:${ceilingPort}/me`, tokens)
    results.push({ me: me.requests.average, p99: me.latency.p99, bare: ceiling.requests.average, mongoReads })
    if (me.non2xx > 0 || me.errors > 0) throw new Error(`${me.non2xx} refusals and ${me.errors} errors`)
  }
  await mongo.close()

  const me = median(results.map((r) => r.me))
  const bareRate = median(results.map((r) => r.bare))
  process.stdout.write(`GET /me, ${sessions} sessions in turn, 50 connections, median of ${rounds} rounds of ${seconds} s (rate limits counted, set too high to refuse)\n\n${table([
    { route: 'GET /api/v1/me', 'requests/s': whole(me), 'p99 ms': median(results.map((r) => r.p99)), 'MongoDB reads': Math.max(...results.map((r) => r.mongoReads)), 'of the ceiling': `${(me / bareRate * 100).toFixed(0)} %` },
    { route: 'bare Fastify route', 'requests/s': whole(bareRate), 'p99 ms': '', 'MongoDB reads': '', 'of the ceiling': '100 %' }
  ])}\n\n`)
} finally {
  for (const child of children) child.kill()
  await stack.stop()
  await rm(directory, { recursive: true, force: true })
}

async function openSessions (url: string): Promise<string[]> {
  const post = async (path: string, body: unknown): Promise<Record<string, string>> =>
    await (await fetch(`${url}/api/v1/auth/evm/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json() as Record<string, string>
  const tokens: string[] = []
  const account = privateKeyToAccount(generatePrivateKey())
  while (tokens.length < sessions) {
    tokens.push(...await Promise.all(Array.from({ length: 20 }, async () => {
      const { message = '', challenge_id: id } = await post('challenge', { address: account.address })
      return (await post('verify', { address: account.address, signed_message: message, signature: await account.signMessage({ message }), challenge_id: id }))['access_token'] ?? ''
    })))
  }
  return tokens
}

function load (url: string, tokens: readonly string[]): Promise<autocannon.Result> {
  return autocannon({
    url, connections: 50, duration: seconds,
    requests: tokens.map((token) => ({ method: 'GET' as const, headers: { authorization: `Bearer ${token}` } }))
  })
}
