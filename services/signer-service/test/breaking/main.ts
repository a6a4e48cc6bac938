/** npm run break: what the tests break in seconds, for as long as wanted. Every run prints its seed; the same seed breaks the same things. */
import { parseArgs } from 'node:util'
import { performance } from 'node:perf_hooks'
import { until, type TestContext } from '@countersign/testing'
import { crashPointNames } from '../../src/crash-points.ts'
import { openWorld, type House, type World } from '../house.ts'
import { crashAt } from './crashes.ts'
import { createRandom, type Random } from './random.ts'
import { chainBreaking, killing, openNetwork, spoiling } from './scenarios.ts'
import { faultsIn, storm, type Payment } from './storm.ts'

const help = `Usage: npm run break -- [what …] [--rounds <n>] [--payments <n>] [--payers <n>] [--processes <n>] [--seed <n>]

  crash     the process is killed at every named point, one after the other
  kill      processes are killed by chance under load; says how long it took until all that was confirmed is in a block
  network   requests are lost, late and broken before the node and the KMS; the node lags; receipts fail
  chain     reorgs of 1 to 6 blocks, an emptied pool, fees times twenty, a second program with the same key, blocks by the second and at once

Without a name all of them run. Each round prints what it found: every transfer must be on the chain exactly once.

  --rounds     how often each is repeated, with the next seed (1)
  --payments   of each round (100)
  --payers     at once (10)
  --processes  of the signer, where they are killed (2)
  --late       milliseconds by which a late request is late (30000)
  --seed       of chance (by chance)
`

interface Given { readonly t: TestContext, readonly random: Random, readonly payments: number, readonly payers: number, readonly processes: number, readonly lateMs: number }

const timeoutMs = 600_000
const hasty = { LANE_LEASE_SECONDS: '2', LANE_RESEND_SECONDS: '2', LANE_STUCK_SECONDS: '5' }
const print = (line: string): void => { process.stdout.write(`${line}\n`) }

const kinds: Readonly<Record<string, (given: Given) => Promise<string[]>>> = { crash, kill, network, chain }

async function crash ({ t }: Given): Promise<string[]> {
  const points = crashPointNames.slice(0, crashPointNames.indexOf('lane.stuck'))
  const world = await openWorld(t, { blockTime: 1, abandonedTransactionSeconds: 2 })
  const house = await world.house(t, { env: { ...hasty, LANE_LEASE_SECONDS: '1' } })
  const { payments, missed } = await crashAt(t, house, { points, timeoutMs })
  return [...missed.map((point) => `nobody died at ${point}`), ...await faultsIn(house, payments)]
}

async function kill (given: Given): Promise<string[]> {
  const { t, random, payments, payers, processes } = given
  const world = await openWorld(t, { blockTime: 1, abandonedTransactionSeconds: 2 })
  const house = await world.house(t, { env: hasty })
  const looks: Promise<number>[] = []
  const made = await storm(house, {
    payments, payers, timeoutMs, breaking: killing(t, house, { processes, kills: Math.ceil(payments / 20), random }, () => { looks.push(timeToBlocks(house)) })
  })
  const seconds = (await Promise.all(looks)).map((ms) => (ms / 1_000).toFixed(1))
  print(`  seconds from each of ${seconds.length} kills until all that was confirmed by then was in a block: ${seconds.join(' ')}`)
  return await faultsIn(house, made)
}

/** @returns milliseconds from now until everything that is approved now is in a block. */
async function timeToBlocks ({ db }: House): Promise<number> {
  const startedAt = performance.now()
  const transactions = db.collection<{ _id: string }>('transactions')
  const open = (await transactions.find({ state: { $in: ['approved', 'assigned', 'signed', 'broadcast'] } }, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id)
  await until(async () => await transactions.countDocuments({ _id: { $in: open }, state: { $nin: ['mined', 'confirmed'] } }) === 0, { timeoutMs, what: 'all of them to be in a block', everyMs: 100 })
  return performance.now() - startedAt
}

async function network ({ t, random, payments, payers, lateMs }: Given): Promise<string[]> {
  const world = await openWorld(t, { blockTime: 1 })
  const proxies = await openNetwork(t, world, lateMs)
  const house = await world.house(t, { rpcUrl: proxies.node.url, env: { ...hasty, RPC_TIMEOUT_MS: '1000', KMS_TIMEOUT_MS: '2000', AWS_ENDPOINT_URL: proxies.keys.url } })
  await house.start()
  const made = await storm(house, { payments, payers, timeoutMs, breaking: spoiling({ network: proxies, chain: world.chain, part: 0.2, random, leastMs: 10_000 }) })
  print(`  spoiled before the node ${JSON.stringify(proxies.node.spoiled)}, before the KMS ${JSON.stringify(proxies.keys.spoiled)}`)
  return await faultsIn(house, made)
}

async function chain ({ t, random, payments, payers }: Given): Promise<string[]> {
  const world: World = await openWorld(t, { blockTime: 1 })
  const foreign: string[] = []
  const house = await world.house(t, { env: hasty })
  await house.start({ CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [world.chain.rpcUrl], confirmations: 8, block_time_ms: 400 }]) })
  const made: Payment[] = await storm(house, { payments, payers, timeoutMs, breaking: chainBreaking(t, { house, world, random, breaks: Math.max(6, Math.ceil(payments / 5)), foreign }, print) })
  return await faultsIn(house, made, { foreign })
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' }, rounds: { type: 'string', default: '1' }, payments: { type: 'string', default: '100' }, payers: { type: 'string', default: '10' },
    processes: { type: 'string', default: '2' }, late: { type: 'string', default: '30000' }, seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) }
  }
})
const unknown = positionals.filter((name) => kinds[name] === undefined)
if (values.help === true || unknown.length > 0) {
  process.stdout.write(unknown.length > 0 ? `break: there is no ${unknown.join(', ')}\n\n${help}` : help)
  process.exit(unknown.length > 0 ? 2 : 0)
}

let faults = 0
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of positionals.length > 0 ? positionals : Object.keys(kinds)) faults += await runRound(name, Number(values.seed) + round)
}
process.exitCode = faults === 0 ? 0 : 1

async function runRound (name: string, seed: number): Promise<number> {
  const teardowns: (() => unknown)[] = []
  const startedAt = performance.now()
  print(`${name} --seed ${seed}`)
  try {
    const found = await kinds[name]?.({
      t: { teardown: (undo: () => unknown) => { teardowns.push(undo) } } as TestContext,
      random: createRandom(seed), payments: Number(values.payments), payers: Number(values.payers), processes: Number(values.processes), lateMs: Number(values.late)
    }) ?? []
    for (const fault of found) print(`  FAULT ${fault}`)
    print(`  ${found.length === 0 ? 'every transfer exactly once' : `${found.length} faults`}, ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
    return found.length
  } finally {
    for (const undo of teardowns.reverse()) await undo()
  }
}
