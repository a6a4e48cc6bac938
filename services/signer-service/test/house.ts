/** Real MongoDB, Redis, anvil and KMS for one test file, and signers on top of them: in this process or as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  confirmTransaction, createTransaction, getTransaction, Problem, problems, type Command, type ReplyOf, type RequestOf, type TransactionState, type TransactionView
} from '@countersign/contracts'
import { createCommandClient } from '@countersign/redis'
import { clockFrom, createLogger, createMetrics, newId, readEnvironment } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import { captureLogs, sharedMongo, sharedMongoVariable, startAnvil, startKms, startRedis, until, type TestContext } from '@countersign/testing'
import { startApp } from '../src/app.ts'
import { checksummed } from '../src/chain/address.ts'
import { compose } from '../src/compose.ts'
import { configFrom, environment } from '../src/config.ts'
import { createWithParts } from '../src/operator/operator-parts.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { createGrantPrincipal } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import { createCreateWallet } from '../src/wallets/create-wallet.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { rightCode, startOtp } from './otp-double.ts'

export const ether = 10n ** 18n
/** A machine that runs other tests as well may be slow; nothing waits this long when all is well. */
export const patienceMs = 45_000
export const mainPath = fileURLToPath(new URL('../main.js', import.meta.url))
export const cliPath = fileURLToPath(new URL('../cli.js', import.meta.url))

export type World = Awaited<ReturnType<typeof openWorld>>
export type House = Awaited<ReturnType<World['house']>>

export interface WorldOptions {
  /** Seconds between blocks; without it every transaction is mined at once. */
  readonly blockTime?: number
  /** Of a MongoDB server of its own: the shared one keeps its default. */
  readonly abandonedTransactionSeconds?: number
}

export async function openWorld (t: TestContext, { blockTime, abandonedTransactionSeconds }: WorldOptions = {}) {
  const [mongo, redis, chain, kms] = await Promise.all([
    abandonedTransactionSeconds === undefined ? sharedMongo(t) : ownMongo(t, abandonedTransactionSeconds), startRedis(t), startAnvil(t, blockTime === undefined ? {} : { blockTime }), startKms(t, { seeds: [] })
  ])
  let nextDatabase = 0
  return {
    mongo, redis, chain, kms,
    /** One deployment of its own: database, Redis database, gateway, otp-service, wallet, policy, principal. */
    house: async (scope: TestContext, options: HouseOptions = {}) => {
      const url = new URL(redis.url)
      url.pathname = `/${nextDatabase++ % 16}`
      return await openHouse(scope, { mongo, chain, kms, redisUrl: url.href, database: mongo.freshDatabase(), ...options })
    }
  }
}

async function ownMongo (t: TestContext, transactionLifetimeLimitSeconds: number): ReturnType<typeof sharedMongo> {
  const shared = process.env[sharedMongoVariable]
  delete process.env[sharedMongoVariable]
  try {
    const mongo = await sharedMongo(t)
    await mongo.client.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds })
    return mongo
  } finally {
    if (shared !== undefined) process.env[sharedMongoVariable] = shared
  }
}

export interface HouseOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly rpcUrl?: string
  readonly funds?: bigint
  readonly maxFeeTotal?: bigint
  readonly destinations?: readonly string[]
}

interface HouseGiven extends HouseOptions {
  readonly mongo: Awaited<ReturnType<typeof sharedMongo>>
  readonly chain: Awaited<ReturnType<typeof startAnvil>>
  readonly kms: Awaited<ReturnType<typeof startKms>>
  readonly redisUrl: string
  readonly database: string
}

const destinationOf = (index: number): string => checksummed(`0x${(0xdead0000n + BigInt(index)).toString(16).padStart(40, '0')}`) ?? ''

async function openHouse (t: TestContext, { mongo, chain, kms, redisUrl, database, env = {}, rpcUrl, funds = 100n * ether, maxFeeTotal, destinations }: HouseGiven) {
  const logs = captureLogs()
  const log = createLogger({ service: 'test', level: 'debug', sha: 'test', environment: 'test', destination: logs.destination })
  const otp = await startOtp({ url: redisUrl, log })
  t.teardown(otp.close)
  const gateway = await createCommandClient({ url: redisUrl, service: 'auth-gateway', log, metrics: createMetrics({ service: 'auth-gateway', sha: 'test' }) })
  t.teardown(gateway.close)

  const settings: Record<string, string> = {
    LOG_LEVEL: 'debug',
    DEPLOYMENT_ID: 'test-deployment',
    MONGODB_URI: mongo.uri,
    MONGODB_DATABASE: database,
    REDIS_URL: redisUrl,
    SECRET_KEY: randomToken(48),
    RECEIPT_PUBLIC_JWKS: JSON.stringify({ keys: [otp.publicJwk] }),
    MAIL_SEAL_KEY: randomToken(32),
    CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [rpcUrl ?? chain.rpcUrl], confirmations: 2, block_time_ms: 400 }]),
    AWS_ENDPOINT_URL: kms.endpoint,
    KMS_TIMEOUT_MS: '5000',
    KMS_MAX_ATTEMPTS: '2',
    LANE_POLL_MS: '150',
    LANE_LEASE_SECONDS: '2',
    LANE_RESEND_SECONDS: '1',
    LANE_STUCK_SECONDS: '60',
    ...env
  }
  const withParts = createWithParts(settings)
  const userId = newId('usr')
  const sessionId = newId('ses')
  const allowed = destinations ?? Array.from({ length: 64 }, (_none, index) => destinationOf(index))

  const db = mongo.client.db(database)
  const { wallet } = await withParts(async (parts) => {
    const wallets = createWalletRepository(parts.mongo.db)
    const wallet = await createCreateWallet({ ...parts, wallets, newWalletId: () => newId('wal') })({ name: 'main', description: '', chainIds: [31337], keyId: undefined, tags: {} })
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({
      rules: [{
        name: 'small transfers', effect: 'allow', wallets: [wallet.id], destinations: allowed, max_value: (5n * ether).toString(),
        ...maxFeeTotal !== undefined && { max_fee_total: maxFeeTotal.toString() }, require: { shown_proof: true }
      }]
    }, checksummed))
    const grant = createGrantPrincipal({ ...parts, principals: createPrincipalRepository(parts.mongo.db), wallets })
    await grant({ userId, walletIds: [wallet.id], factorRoot: otp.factorRootOf(userId) })
    return { wallet }
  })
  if (funds > 0n) await chain.fund(wallet.address, funds)

  const asking = { user_id: userId, session_id: sessionId }
  const call = async <C extends Command>(command: C, request: RequestOf<C>): Promise<ReplyOf<C>> => await gateway.call(command, request, { requestId: newId('req'), actor: userId })

  const house = {
    settings, otp, gateway, db, wallet, userId, sessionId, asking, logs, log, withParts, call, redisUrl,
    destination: (index: number): string => allowed[index] ?? '',
    audit: async (filter: object = {}) => await db.collection('audit').find(filter).sort({ _id: 1 }).toArray(),
    row: async (id: string) => await db.collection<{ _id: string, state: TransactionState, nonce: number | null }>('transactions').findOne({ _id: id }),

    /** compose and app of the real service, in this process. */
    async start (changes: Record<string, string> = {}) {
      const config = configFrom(readEnvironment(environment, { ...settings, ...changes }))
      const metrics = createMetrics({ service: 'signer-service', sha: 'test' })
      const stops: (() => unknown)[] = []
      const lifecycle = { signal: new AbortController().signal, onStop: (_label: string, stop: () => unknown) => { stops.push(stop) }, fail: () => {} }
      const parts = await compose({ config, log, metrics, lifecycle })
      const { opsUrl } = await startApp({ config, parts, log, metrics, lifecycle })
      let stopped: Promise<void> | undefined
      const stop = (): Promise<void> => stopped ??= (async () => { for (const undo of stops.reverse()) await undo() })()
      t.teardown(stop)
      return { parts, metrics, opsUrl, stop }
    },

    /** The real process. */
    async spawn (changes: Record<string, string> = {}) {
      const signer = runNode(mainPath, [], { ...settings, ...changes })
      t.teardown(() => { signer.child.kill('SIGKILL') })
      await until(() => {
        if (signer.child.exitCode !== null) throw new Error(`the signer exited with ${signer.child.exitCode}: ${signer.output().slice(-800)}`)
        return signer.output().includes('serving commands')
      }, { what: 'the signer process to serve', timeoutMs: patienceMs })
      return signer
    },

    async request (index = 0, { value = ether / 10n, key = newId('idk') }: { value?: bigint, key?: string } = {}): Promise<TransactionView> {
      const { transaction } = await call(createTransaction, {
        ...asking, idempotency_key: key, transfer: { wallet_id: wallet.id, chain_id: 31337, to: allowed[index] ?? '', value: value.toString() }
      })
      return transaction
    },
    /** To any address, which the policy must allow. */
    async transfer (to: string, value: bigint): Promise<string> {
      const { transaction } = await call(createTransaction, { ...asking, idempotency_key: newId('idk'), transfer: { wallet_id: wallet.id, chain_id: 31337, to, value: value.toString() } })
      return transaction.id
    },
    confirm: async (id: string, code = rightCode): Promise<TransactionView> => await call(confirmTransaction, { ...asking, id, proof: { code } }),
    get: async (id: string): Promise<TransactionView> => await call(getTransaction, { ...asking, id }),
    /** Requested and confirmed. A command that a slow machine did not answer in time is repeated, as a caller would. */
    async approve (index = 0): Promise<string> {
      const key = newId('idk')
      const { id } = await patiently(async () => await house.request(index, { key }))
      await patiently(async () => await house.confirm(id))
      return id
    },
    async reach (id: string, states: TransactionState | TransactionState[], timeoutMs = patienceMs): Promise<TransactionView> {
      const wanted = [states].flat()
      let last: string | undefined
      try {
        return await until(async () => {
          const view = await house.get(id)
          last = view.state
          return wanted.includes(view.state) ? view : false
        }, { what: `${id} to become ${wanted.join(' or ')}`, timeoutMs, everyMs: 150 })
      } catch (error) {
        throw new Error(`${String(error)} (it is ${last})\n${logs.lines().slice(-15).map((line) => JSON.stringify(line)).join('\n')}`, { cause: error })
      }
    },
    /** How often and what the wallet really sent, read from every block. */
    async sentOnChain (): Promise<{ to: string, value: bigint, nonce: number, hash: string }[]> {
      const head = Number(await chain.request<string>('eth_blockNumber'))
      const blocks = await Promise.all(Array.from({ length: head + 1 }, (_none, number) =>
        chain.request<{ transactions: { from: string, to: string, value: string, nonce: string, hash: string }[] }>('eth_getBlockByNumber', [`0x${number.toString(16)}`, true])))
      return blocks.flatMap(({ transactions }) => transactions)
        .filter(({ from }) => from.toLowerCase() === wallet.address.toLowerCase())
        .map(({ to, value, nonce, hash }) => ({ to: checksummed(to) ?? '', value: BigInt(value), nonce: Number(nonce), hash }))
    },
    clock: clockFrom(0)
  }
  return house
}

/** A command that a slow machine did not answer in time is repeated, as a caller would. */
export async function patiently<T> (ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== problems.unavailable || tries === 5) throw error
    }
  }
}

export function runNode (script: string, args: readonly string[], env: Record<string, string>) {
  // The test runner hooks every child through NODE_OPTIONS, which doubles the time it takes to start.
  const child: ChildProcess = spawn('/bin/sh', ['-c', 'unset NODE_OPTIONS; exec "$0" "$@"', process.execPath, script, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => { out += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { err += chunk.toString() })
  const exited = new Promise<{ code: number | null, signal: NodeJS.Signals | null }>((resolve) => { child.once('close', (code, signal) => { resolve({ code, signal }) }) })
  return { child, exited, output: () => out + err, stdout: () => out, stderr: () => err }
}
