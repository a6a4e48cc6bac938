/** Storms, short ones: payers repeat what is not answered while something breaks, and each transfer is made exactly once. Longer: npm run break. */
import t from 'tap'
import { createRandom } from './breaking/random.ts'
import { chainBreaking, killing, openNetwork, spoiling } from './breaking/scenarios.ts'
import { networkFaults } from './breaking/spoiling-proxy.ts'
import { faultsIn, storm } from './breaking/storm.ts'
import { openWorld } from './house.ts'

t.jobs = 4
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32))
t.comment(`SEED=${seed}`)
const timeoutMs = 240_000
/** A lane that died is taken over soon, and what got stuck moves soon. */
const hasty = { LANE_LEASE_SECONDS: '1', LANE_RESEND_SECONDS: '1', LANE_STUCK_SECONDS: '3' }
const world = await openWorld(t, { blockTime: 1, abandonedTransactionSeconds: 2 })

t.test('requests that are lost, late or broken before the node and the KMS, a node that lags, receipts that fail', { buffered: true }, async (t) => {
  const random = createRandom(seed)
  const network = await openNetwork(t, world, 3_500)
  const house = await world.house(t, { rpcUrl: network.node.url, env: { ...hasty, RPC_TIMEOUT_MS: '1500', KMS_TIMEOUT_MS: '6000', AWS_ENDPOINT_URL: network.keys.url } })
  await house.start()
  const payments = await storm(house, { payments: 24, payers: 6, timeoutMs, breaking: spoiling({ network, chain: world.chain, part: 0.15, random, leastMs: 4_000 }) })
  t.strictSame(await faultsIn(house, payments), [])
  const kinds = new Set([...Object.keys(network.node.spoiled), ...Object.keys(network.keys.spoiled)])
  t.strictSame([...kinds].sort(), [...networkFaults].sort(), 'each of them has happened')
})

t.test('one of two processes after the other dies', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: hasty })
  const payments = await storm(house, { payments: 24, payers: 6, timeoutMs, breaking: killing(t, house, { processes: 2, kills: 3, random: createRandom(seed + 1) }) })
  t.strictSame(await faultsIn(house, payments), [])
})

t.test('four processes share one lane, and one of them dies', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: hasty })
  for (let process = 0; process < 3; process++) await house.start()
  let killed = 0
  const payments = await storm(house, { payments: 32, payers: 8, timeoutMs, breaking: killing(t, house, { processes: 1, kills: 1, random: createRandom(seed + 3) }, () => { killed++ }) })
  t.strictSame(await faultsIn(house, payments), [])
  t.equal(killed, 1)
})

t.test('reorgs, an emptied pool, fees times twenty, a second program on the key, blocks by the second and at once', { buffered: true }, async (t) => {
  const own = await openWorld(t, { blockTime: 1 })
  const foreign: string[] = []
  const house = await own.house(t, { env: hasty })
  await house.start({ CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [own.chain.rpcUrl], confirmations: 8, block_time_ms: 400 }]) })
  const payments = await storm(house, { payments: 16, payers: 4, timeoutMs, breaking: chainBreaking(t, { house, world: own, random: createRandom(seed + 2), breaks: 5, foreign }, (line) => { t.comment(line) }) })
  t.strictSame(await faultsIn(house, payments, { foreign }), [])
})
