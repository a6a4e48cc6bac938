/** signer-service as production starts it, on a MongoDB, a Redis, a KMS emulator and a chain of 1-second blocks of its own; wallets that may pay, and their owner. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { stores } from '@countersign/contracts'
import { freePort, serviceNodeFlags, startChain, startStack, type Chain } from '@countersign/local-stack'
import { createCommandClient, type CommandClient } from '@countersign/redis'
import { createLogger, createMetrics, newId } from '@countersign/runtime'
import type { Jwk } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { MongoClient, type Db } from 'mongodb'
import { startOtpPart } from './otp.ts'

export interface BenchWallet { readonly id: string, readonly address: `0x${string}`, readonly keyId: string }

/** What the process has counted since it started. */
export interface Counted { readonly rpc: number, readonly signs: number, readonly byMethod: Readonly<Record<string, number>> }

export interface SignerProcess {
  readonly pid: number
  counted (): Promise<Counted>
  stop (signal?: NodeJS.Signals): Promise<void>
}

export interface SignerHouse {
  readonly chain: Chain
  readonly kmsEndpoint: string
  readonly db: Db
  readonly gateway: CommandClient
  readonly asking: { readonly user_id: string, readonly session_id: string }
  readonly wallets: readonly BenchWallet[]
  /** Process ids, for CPU time and memory; `load` is this process. */
  readonly processes: Record<string, number>
  /** Waits until it serves. */
  start (environment?: Readonly<Record<string, string>>): Promise<SignerProcess>
  close (): Promise<void>
}

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const service = `${root}services/signer-service/dist`
/** One-second blocks take a second's worth of transfers at once: the limit must be above what is sent in one and what the next round looks at. */
const inFlight = '384'
export const chainId = 31337
export const destinations = Array.from({ length: 32 }, (_none, index) => `0x${(0xbe0000n + BigInt(index)).toString(16).padStart(40, '0')}`)

/** `SERVICE_NODE_ARGS` goes to the signer's Node, such as `--cpu-prof --cpu-prof-dir=profiles`; it is then started from its single files, which a profile tells apart. */
export async function openSignerHouse (walletCount: number): Promise<SignerHouse> {
  const directory = await mkdtemp(`${tmpdir()}/countersign-bench-`)
  const log = createLogger({ service: 'bench', level: 'error', sha: 'bench', environment: 'bench' })
  const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  const close = async (): Promise<void> => { for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop() }
  try {
    const stack = await startStack({ dataDirectory: directory, parts: ['mongo', 'redis', 'kms'] })
    stops.push(stack.stop)
    const chain = await startChain({ directory: join(directory, 'anvil'), blockTimeSeconds: 1 })
    stops.push(chain.stop)
    const mongo = await new MongoClient(stack.mongo.adminUri).connect()
    stops.push(() => mongo.close())
    const otp = await startOtpPart({ url: stack.redis.urlFor('otp-service'), privateJwk: JSON.parse(stack.environmentFor('otp-service')['RECEIPT_PRIVATE_JWK'] ?? '{}') as Jwk, log })
    stops.push(otp.close)
    const gateway = await createCommandClient({ url: stack.redis.urlFor('auth-gateway'), service: 'auth-gateway', log, metrics: createMetrics({ service: 'auth-gateway', sha: 'bench' }) })
    stops.push(gateway.close)

    const environment = {
      ...stack.environmentFor('signer-service'),
      CHAINS: JSON.stringify([{ chain_id: chainId, rpc_urls: [chain.rpcUrl], confirmations: 2, block_time_ms: 1_000 }]),
      LANE_IN_FLIGHT: inFlight, CONFIRMATION_TTL_SECONDS: '7200'
    }
    const asking = { user_id: newId('usr'), session_id: newId('ses') }
    const wallets = await openWallets({ environment, chain, userId: asking.user_id, walletCount })
    const { pid } = await mongo.db('admin').command({ serverStatus: 1 })
    const processes: Record<string, number> = { load: process.pid, mongod: Number(pid), redis: stack.redis.server?.pid ?? 0 }
    return {
      chain, gateway, asking, wallets, processes, close, db: mongo.db(stores['signer-service'].database), kmsEndpoint: stack.kms.endpoint,
      start: async (changes = {}) => {
        const signer = await startSigner(directory, { ...environment, ...changes })
        stops.push(() => signer.stop())
        processes['signer'] = signer.pid
        return signer
      }
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** On the operator's command line, as an operator does it. */
async function openWallets ({ environment, chain, userId, walletCount }: { environment: Readonly<Record<string, string>>, chain: Chain, userId: string, walletCount: number }): Promise<BenchWallet[]> {
  const countersign = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await promisify(execFile)(process.execPath, [`${service}/cli.js`, ...args, '--json'], { env: { PATH: process.env['PATH'], ...environment } })).stdout) as unknown
  const wallets: BenchWallet[] = []
  for (let index = 0; index < walletCount; index++) {
    const made = await countersign('wallets', 'create', '--name', `lane ${index + 1}`, '--new-key') as { id: string, address: `0x${string}`, key_id: string }
    await chain.request('anvil_setBalance', [made.address, `0x${(10n ** 24n).toString(16)}`])
    wallets.push({ id: made.id, address: made.address, keyId: made.key_id })
  }
  const named = wallets.flatMap(({ id }) => ['--wallet', id])
  await countersign('policies', 'set', ...named, ...destinations.flatMap((destination) => ['--destination', destination]), '--max-value', '1000000')
  await countersign('principals', 'grant', '--user', userId, ...named, '--may', 'initiate', '--yes')
  return wallets
}

async function startSigner (directory: string, environment: Readonly<Record<string, string>>): Promise<SignerProcess> {
  const port = await freePort()
  const logFile = join(directory, 'signer.log')
  const log = openSync(logFile, 'a', 0o600)
  const asked = process.env['SERVICE_NODE_ARGS']?.split(' ')
  const child = spawn(process.execPath, [...serviceNodeFlags, ...asked ?? [], `${service}/${asked === undefined ? 'main.js' : 'src/main.js'}`], {
    stdio: ['ignore', log, log], env: { PATH: process.env['PATH'], ...environment, OPS_PORT: String(port) }
  })
  closeSync(log)
  const isReady = (): Promise<boolean> => fetch(`http://127.0.0.1:${port}/ready`).then(({ ok }) => ok, () => false)
  await until(async () => child.exitCode !== null || await isReady(), { timeoutMs: 30_000, what: 'signer-service', everyMs: 20 })
  if (child.exitCode !== null || child.pid === undefined) throw new Error(`signer-service did not start:\n${await readFile(logFile, 'utf8')}`)
  return {
    pid: child.pid,
    counted: async () => countedIn(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
    stop: async (signal = 'SIGTERM') => { await ended(child, signal) }
  }
}

async function ended (child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

function countedIn (text: string): Counted {
  const byMethod: Record<string, number> = {}
  for (const [, method = '', count] of text.matchAll(/^rpc_request_duration_seconds_count\{[^}]*method="(\w+)"[^}]*\} (\d+)/gm)) byMethod[method] = (byMethod[method] ?? 0) + Number(count)
  const signs = [...text.matchAll(/^kms_requests_total\{[^}]*operation="Sign"[^}]*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  return { rpc: Object.values(byMethod).reduce((a, b) => a + b, 0), signs, byMethod }
}
