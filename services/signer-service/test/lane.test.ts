/** From approved to confirmed, through everything that can go wrong on the way: one transfer each, whatever happens. */
import t from 'tap'
import { mailFromSigner } from '@countersign/contracts'
import { createKeyRing } from '@countersign/kms'
import { createMetrics } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { signTransfer } from '../src/chain/signed-bytes.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'
import { startRpcProxy } from './rpc-proxy.ts'

// Scenarios mostly wait for blocks, each in a deployment of its own.
t.jobs = 4
const world = await openWorld(t, { blockTime: 1 })

const noncesOf = async (house: House): Promise<number[]> => (await house.sentOnChain()).map(({ nonce }) => nonce).sort((a, b) => a - b)
const upTo = (count: number): number[] => Array.from({ length: count }, (_none, index) => index)

t.test('fifty transfers of one wallet are mined with consecutive nonces', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: { LANE_IN_FLIGHT: '20' } })
  const { metrics } = await house.start()
  const ids: string[] = []
  for (const tens of [0, 10, 20, 30, 40]) ids.push(...await Promise.all(upTo(10).map(async (index) => await house.approve(tens + index))))
  await until(async () => await house.db.collection('transactions').countDocuments({ state: 'confirmed' }) === 50, { what: 'all of them to be confirmed', timeoutMs: patienceMs, everyMs: 300 })
  const views = await Promise.all(ids.map(async (id) => await house.get(id)))
  t.strictSame(await noncesOf(house), upTo(50))
  t.strictSame(views.map(({ attempts }) => attempts.length), upTo(50).map(() => 1))
  for (const index of upTo(50)) t.equal(await world.chain.balanceOf(house.destination(index)) >= ether / 10n, true)
  t.match(await metrics.text(), /signer_transactions_total\{state="confirmed"\} 50/)
  t.match(await metrics.text(), /rpc_request_duration_seconds_count\{chain="31337",method="eth_sendRawTransaction",outcome="ok"\} 50/)
})

t.test('two signers on one lane send each transfer once, and no nonce twice', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const [first] = await Promise.all([house.start(), house.start()])
  const ids = await Promise.all(upTo(5).map(async (index) => await house.approve(index)))
  // Whoever holds the lane goes; the other takes over with all that is open.
  await house.reach(ids[0] ?? '', ['signed', 'broadcast', 'mined', 'confirmed'])
  await first.stop()
  const more = await Promise.all(upTo(5).map(async (index) => await house.approve(index + 5)))
  for (const id of [...ids, ...more]) await house.reach(id, 'confirmed')
  t.strictSame(await noncesOf(house), upTo(10))
  t.equal(await house.db.collection('attempts').countDocuments(), 10)
})

t.test('a holder that slept past its lease writes nothing more', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: { LANE_LEASE_SECONDS: '1' } })
  const proxy = await startRpcProxy(t, world.chain.rpcUrl)
  await house.start({ CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, proxy.url) ?? '' })
  const id = await house.approve()
  await until(() => proxy.sends.length > 0, { timeoutMs: patienceMs, what: 'the first send' })
  const lanes = house.db.collection<{ _id: string, holder: string, epoch: number }>('lanes')
  await until(async () => (await lanes.updateMany({ holder: { $ne: null as never } }, [{ $set: { holder: 'somebody else', epoch: { $add: ['$epoch', 1] }, expiresAt: { $add: ['$$NOW', 1500] } } }])).modifiedCount === 1, { timeoutMs: patienceMs, what: 'the lane to be taken away' })
  await until(() => house.logs.text().includes('lane was taken over'), { timeoutMs: patienceMs, what: 'the holder to notice' })
  await house.reach(id, 'confirmed')
  t.strictSame(await noncesOf(house), [0])
})

t.test('a KMS that throttles, denies or lies delays a transfer; its nonce stays', { buffered: true }, async (t) => {
  // Faults of the shared KMS would meet the other scenarios too.
  const own = await openWorld(t, { blockTime: 1 })
  const house = await own.house(t)
  await house.start()
  const { faults } = own.kms
  for (const [index, fault] of [{ throttle: 'always' as const }, { deny: ['Sign'] }, { wrongKey: true }, { garbageDer: true }, { down: true }].entries()) {
    faults.set(fault)
    const id = await house.approve(index)
    await house.reach(id, 'assigned')
    await until(() => house.logs.lines().filter(({ msg }) => msg === 'not signed: the same nonce is tried again').length > index, { timeoutMs: patienceMs, what: 'a try that fails' })
    t.equal((await house.row(id))?.nonce, index)
    faults.clear()
    await house.reach(id, ['broadcast', 'mined', 'confirmed'])
  }
  faults.set({ forceHighS: true })
  await house.reach(await house.approve(5), 'confirmed')
  t.strictSame(await noncesOf(house), upTo(6))
  t.notMatch(house.logs.text(), new RegExp(house.settings['MAIL_SEAL_KEY'] ?? 'x'))
})

t.test('a lost answer, a node that is away and a swallowed send make one transfer each', { buffered: true }, async (t) => {
  const proxy = await startRpcProxy(t, world.chain.rpcUrl)
  const house = await world.house(t, { rpcUrl: proxy.url })
  await house.start()

  proxy.mode = 'lose-answers'
  const lost = await house.approve(0)
  await until(() => proxy.sends.length > 0, { timeoutMs: patienceMs, what: 'a send whose answer is lost' })
  await house.reach(lost, ['mined', 'confirmed'])
  t.equal(new Set(proxy.sends).size, 1, 'only the same bytes are ever sent again')

  proxy.mode = 'down'
  const away = await house.approve(1)
  await until(() => house.logs.text().includes('lane waits for its chain'), { timeoutMs: patienceMs, what: 'the lane to wait' })
  t.equal((await house.row(away))?.state, 'approved', 'no nonce while nothing can be simulated')
  proxy.mode = 'pass'
  await house.reach(away, 'confirmed')

  proxy.mode = 'swallow'
  const before = proxy.sends.length
  const swallowed = await house.approve(2)
  await until(() => proxy.sends.length >= before + 2, { timeoutMs: patienceMs, what: 'a second try of the same bytes' })
  t.equal((await house.row(swallowed))?.state, 'signed')
  proxy.mode = 'pass'
  await house.reach(swallowed, 'confirmed')
  t.equal(new Set(proxy.sends.slice(before)).size, 1)
  t.strictSame((await house.sentOnChain()).map(({ to, nonce }) => [to, nonce]), upTo(3).map((index) => [house.destination(index), index]))
})

t.test('a transfer that would revert is rejected before it has a nonce', { buffered: true }, async (t) => {
  const [refuser, taker] = [0xdead9001n, 0xdead9002n].map((number) => checksummed(`0x${number.toString(16).padStart(40, '0')}`) ?? '') as [string, string]
  await world.chain.request('anvil_setCode', [refuser, '0x60006000fd'])
  const house = await world.house(t, { destinations: [refuser, taker] })
  await house.start()
  const id = await house.approve(0)
  t.match(await house.reach(id, 'rejected'), { failure: { code: 'reverted' }, attempts: [] })
  await house.reach(await house.approve(1), 'confirmed')
  t.strictSame(await noncesOf(house), [0])
})

t.test('a wallet that cannot pay pauses its lane, tells the operator once, and goes on when it can', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n, env: { OPERATOR_EMAIL: 'operator@example.com' } })
  const { metrics } = await house.start()
  const ids = [await house.approve(0), await house.approve(1)]
  const mails = house.db.collection('outbox')
  await until(async () => await mails.countDocuments({ queue: mailFromSigner.name }) === 1, { timeoutMs: patienceMs, what: 'a mail to the operator' })
  await until(async () => /signer_lane_paused\{[^}]*\} 1/.test(await metrics.text()), { timeoutMs: patienceMs, what: 'the metric' })
  for (const id of ids) t.equal((await house.row(id))?.state, 'approved')
  const [mail] = await mails.find().toArray()
  t.notMatch(JSON.stringify(mail), /operator@example/)
  t.match((await house.audit({ event: 'lane.paused' }))[0]?.facts, { reason: 'funds' })

  await world.chain.fund(house.wallet.address, ether)
  for (const id of ids) await house.reach(id, 'confirmed')
  t.equal(await mails.countDocuments(), 1)
  t.equal((await house.audit({ event: 'lane.resumed' })).length, 1)
  t.strictSame(await noncesOf(house), [0, 1])
})

t.test('fees above what was confirmed wait, and what never got a nonce expires', { buffered: true }, async (t) => {
  const house = await world.house(t, { maxFeeTotal: 1_000_000n, env: { CONFIRMATION_TTL_SECONDS: '8' } })
  await house.start()
  const id = await house.approve()
  await until(() => house.logs.text().includes('fees are above what was confirmed'), { timeoutMs: patienceMs, what: 'the lane to wait for lower fees' })
  t.match(await house.reach(id, 'expired'), { failure: { code: 'expired', detail: /approved/ }, attempts: [] })
  t.equal((await house.sentOnChain()).length, 0)
})

t.test('a gap below is filled with transfers of nothing, whatever made it', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  await house.reach(await house.approve(0), 'confirmed')
  // As a counter that drifted: the next nonce is two too high.
  await house.db.collection('lanes').updateMany({}, { $inc: { nextNonce: 2 } })
  await house.reach(await house.approve(1), 'confirmed')
  const sent = await house.sentOnChain()
  t.strictSame(sent.map(({ nonce }) => nonce).sort(), upTo(4))
  t.strictSame(sent.filter(({ nonce }) => nonce === 1 || nonce === 2).map(({ to, value }) => [to, value]), [[house.wallet.address, 0n], [house.wallet.address, 0n]])
  await until(async () => await house.db.collection('attempts').countDocuments({ kind: 'noop', state: 'mined' }) === 2, { timeoutMs: patienceMs, what: 'the fillers to be seen mined' })
})

t.test('a nonce that somebody else used is given up only when our hashes are proven dead, and the transfer is made once', { buffered: true }, async (t) => {
  const proxy = await startRpcProxy(t, world.chain.rpcUrl)
  const house = await world.house(t, { rpcUrl: proxy.url })
  await house.start()
  proxy.mode = 'swallow'
  const id = await house.approve()
  await until(() => proxy.sends.length > 0, { timeoutMs: patienceMs, what: 'our own payload to be made' })

  // The same key outside of the house.
  const ring = createKeyRing({ region: 'us-east-1', endpoint: world.kms.endpoint, timeoutMs: 2_000, maxAttempts: 2, log: house.log, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  t.teardown(() => { ring.close() })
  const foreign = await signTransfer({
    chainId: 31337, nonce: 0, to: house.destination(9), value: 1n, gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n, data: '0x', eip1559: true
  }, house.wallet.address, async (digest) => await ring.signDigest(house.wallet.keyId, digest))
  await world.chain.request('eth_sendRawTransaction', [foreign.bytes])
  proxy.mode = 'pass'

  const view = await house.reach(id, 'confirmed')
  t.strictSame(view.attempts.map(({ nonce, state }) => [nonce, state]), [[0, 'dead'], [1, 'mined']])
  t.match((await house.audit({ event: 'transaction.reassigned' }))[0]?.facts, { dead_nonce: 0, nonce: 1, used_by: foreign.hash })
  t.strictSame((await house.sentOnChain()).map(({ to, nonce }) => [to, nonce]), [[house.destination(9), 0], [house.destination(0), 1]])
})

t.test('a payload that the node refuses for good gives its nonce to a transfer of nothing, and fails', { buffered: true }, async (t) => {
  const proxy = await startRpcProxy(t, world.chain.rpcUrl)
  const house = await world.house(t, { rpcUrl: proxy.url })
  await house.start()
  proxy.mode = { refuse: 'intrinsic gas too low' }
  const id = await house.approve(0)
  await until(() => proxy.sends.length >= 2, { timeoutMs: patienceMs, what: 'the no-op' })
  proxy.mode = 'pass'
  t.match(await house.reach(id, 'failed'), { failure: { code: 'refused' }, attempts: [{ kind: 'first', state: 'replaced' }, { kind: 'noop', state: 'mined' }] })
  await house.reach(await house.approve(1), 'confirmed')
  t.strictSame((await house.sentOnChain()).map(({ value, nonce }) => [value, nonce]), [[0n, 0], [ether / 10n, 1]])
})
