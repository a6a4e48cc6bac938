/** A chain that reorganises, forgets, stalls and reverts, with blocks made by hand. */
import t from 'tap'
import { privateKeyToAccount } from 'viem/accounts'
import { until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { createChainNode } from '../src/chain/chain-node.ts'
import { createMetrics } from '@countersign/runtime'
import { ether, openWorld, patienceMs } from './house.ts'
import { startRpcProxy } from './rpc-proxy.ts'
import { startScriptedNode } from './scripted-node.ts'

const world = await openWorld(t)
const { chain } = world
await chain.request('evm_setAutomine', [false])
await chain.mine(3)

t.test('a transfer that is stuck is replaced with both fees raised, and only one of the two is mined', async (t) => {
  const house = await world.house(t, { env: { LANE_STUCK_SECONDS: '1' } })
  await house.start()
  const id = await house.approve()
  const view = await until(async () => {
    const now = await house.get(id)
    return now.attempts.length >= 3 && now
  }, { timeoutMs: patienceMs, what: 'two replacements', everyMs: 100 })
  for (const [index, { max_fee_per_gas: fee, max_priority_fee_per_gas: tip, kind, nonce }] of view.attempts.entries()) {
    const before = view.attempts[index - 1]
    t.equal(nonce, 0)
    t.equal(kind, before === undefined ? 'first' : 'replacement')
    if (before === undefined) continue
    t.ok(BigInt(fee) >= BigInt(before.max_fee_per_gas) * 110n / 100n + 1n, 'max fee')
    t.ok(BigInt(tip) >= BigInt(before.max_priority_fee_per_gas) * 110n / 100n + 1n, 'priority fee')
    t.ok(BigInt(fee) * 21_000n <= BigInt(view.max_fee_total), 'never above what was confirmed')
  }
  await chain.mine()
  await house.reach(id, 'mined')
  await chain.mine()
  const done = await house.reach(id, 'confirmed')
  t.strictSame(done.attempts.map(({ state }) => state).sort(), [...Array.from({ length: done.attempts.length - 1 }, () => 'replaced'), 'mined'].sort())
  t.equal(done.hash, done.attempts.find(({ state }) => state === 'mined')?.hash)
  t.equal((await house.sentOnChain()).length, 1)
})

t.test('a reorg takes a mined transfer back to broadcast, says so, and the same bytes are mined again', async (t) => {
  const house = await world.house(t)
  await house.start()
  const id = await house.approve()
  await house.reach(id, 'broadcast')
  await chain.mine()
  const first = await house.reach(id, 'mined')
  await chain.request('anvil_reorg', [1, []])
  await until(async () => (await house.audit({ event: 'transaction.reorged', subject: id })).length === 1, { timeoutMs: patienceMs, what: 'the reorg to be noticed', everyMs: 100 })
  await until(async () => {
    await chain.mine()
    return ['mined', 'confirmed'].includes((await house.get(id)).state)
  }, { timeoutMs: patienceMs, what: 'it to be mined again', everyMs: 400 })
  await chain.mine(2)
  const done = await house.reach(id, 'confirmed')
  t.match(done.history.map(({ state }) => state).slice(5), ['broadcast', 'mined', 'broadcast', 'mined'])
  t.not(done.block_hash, first.block_hash)
  t.equal(done.hash, first.hash, 'no second signature')
  t.equal(done.attempts.length, 1)
  t.equal((await house.sentOnChain()).length, 1)
})

t.test('transfers that the node forgot are sent again as they were', async (t) => {
  const proxy = await startRpcProxy(t, chain.rpcUrl)
  const house = await world.house(t, { rpcUrl: proxy.url })
  await house.start()
  const ids = await Promise.all([0, 1, 2].map(async (index) => await house.approve(index)))
  for (const id of ids) await house.reach(id, 'broadcast')
  await chain.request('anvil_dropAllTransactions')
  await until(() => proxy.sends.length >= 6, { timeoutMs: patienceMs, what: 'all of them to be sent again' })
  t.equal(new Set(proxy.sends).size, 3)
  await chain.mine()
  for (const id of ids) await house.reach(id, 'mined')
  await chain.mine()
  for (const id of ids) await house.reach(id, 'confirmed')
  t.strictSame((await house.sentOnChain()).map(({ nonce }) => nonce), [0, 1, 2])
})

t.test('a transfer that is reverted on chain has failed, with the reason', async (t) => {
  const house = await world.house(t)
  await house.start()
  const id = await house.approve(5)
  await house.reach(id, 'broadcast')
  // Between the simulation and the block the destination became a contract that takes nothing.
  await chain.request('anvil_setCode', [house.destination(5), '0x60006000fd'])
  await chain.mine()
  await house.reach(id, 'mined')
  await chain.mine()
  t.match(await house.reach(id, 'failed'), { failure: { code: 'reverted', detail: /./ }, fee_paid: /^[1-9]/, gas_used: /^[1-9]/, outcome: 'reverted', proof: { kind: 'email_code', shown: true, receipt_id: /^rcp_/ }, attempts: [{ state: 'mined' }] })
  const next = await house.approve(6)
  await house.reach(next, 'broadcast')
  await chain.mine(2)
  await house.reach(next, 'confirmed')
})

t.test('while a chain has lost what was final, its lane sends nothing; once it is back, it goes on', async (t) => {
  const house = await world.house(t)
  await house.start()
  // So that the money is older than the reorg.
  await chain.mine(3)
  const first = await house.approve(7)
  await house.reach(first, 'broadcast')
  await chain.mine(2)
  await house.reach(first, 'confirmed')
  const { bytes } = await house.db.collection<{ _id: string, bytes: string }>('attempts').findOne({ txId: first }) ?? { bytes: '' }
  await chain.request('anvil_reorg', [3, []])
  const second = await house.approve(8)
  await until(async () => (await house.audit({ event: 'lane.paused' })).length === 1, { timeoutMs: patienceMs, what: 'the lane to pause', everyMs: 100 })
  t.match((await house.audit({ event: 'lane.paused' }))[0]?.facts, { reason: 'chain_behind' })
  t.equal((await house.row(second))?.nonce, null)
  // As other nodes would bring it back.
  await chain.request('eth_sendRawTransaction', [bytes])
  await chain.mine()
  await house.reach(second, 'broadcast')
  await chain.mine(2)
  await house.reach(second, 'confirmed')
  t.strictSame((await house.sentOnChain()).map(({ nonce }) => nonce), [0, 1])
  t.equal((await house.sentOnChain()).filter(({ to }) => to === house.destination(7)).length, 1)
})

t.test('what a node answers becomes data, and its address appears nowhere', async (t) => {
  const metrics = createMetrics({ service: 'test', sha: 'test' })
  const proxy = await startRpcProxy(t, chain.rpcUrl)
  const node = createChainNode({ chainId: 31337, url: `${proxy.url}/v2/secret-provider-key`, timeoutMs: 500, metrics })
  const poor = privateKeyToAccount(`0x${'77'.repeat(32)}`)
  const unpaid = await poor.signTransaction({ type: 'eip1559', chainId: 31337, nonce: 0, to: poor.address, value: ether, gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n })
  t.match(await node.sendAll(['0x02', unpaid]), [{ name: 'ChainFault', mayHaveMovedMoney: true }, { code: 'insufficient_funds', mayHaveMovedMoney: false }])
  t.equal(await node.receipt(`0x${'0'.repeat(64)}`), null)
  t.equal(await node.block(1_000_000), null)
  proxy.mode = 'down'
  const fault = await node.head().catch((error: unknown) => error) as Error
  t.match(fault, { name: 'ChainFault', code: 'unreachable', class: 'trouble' })
  t.notMatch(`${fault.message} ${fault.stack} ${JSON.stringify(fault)}`, /secret-provider-key/)
  chain.pause()
  proxy.mode = 'pass'
  await t.rejects(node.head(), { code: 'timeout' })
  chain.resume()
  t.match(await metrics.text(), /rpc_request_duration_seconds_count\{chain="31337",method="eth_getBlockByNumber",outcome="timeout"\} 1/)
})

t.test('a destination whose code never ends holds up no other question, sent bytes least of all', async (t) => {
  const node = await startScriptedNode(t, chain.rpcUrl)
  const endless = checksummed('0x00000000000000000000000000000000000e4d1e') ?? ''
  node.script = async ({ method, params }) => {
    if (method === 'eth_estimateGas' && String((params[0] as { to: string }).to) === endless) await new Promise<void>((resolve) => { t.teardown(() => { resolve() }) })
    return undefined
  }
  const metrics = createMetrics({ service: 'test', sha: 'test' })
  const there = createChainNode({ chainId: 31_337, url: node.url, timeoutMs: 3_000, metrics })
  const call = { from: endless, to: checksummed('0x00000000000000000000000000000000000f1a57') ?? '', value: 0n, data: '0x' as const }
  const slow = there.estimateGas({ ...call, to: endless }).catch((error: unknown) => error)
  const outcomes = await Promise.all([there.head(), there.estimateGas(call), there.receipt(`0x${'00'.repeat(32)}`), there.sendAll(['0x00'])])
  t.ok(outcomes[0].number > 0)
  t.equal(outcomes[1], 21_000n)
  t.equal(outcomes[2], null)
  t.match(outcomes[3], [{ answered: true }], 'the node said what it thinks of those bytes')
  t.match(await slow, { answered: false })
})
