/** Nothing stands still for a reason that concerns something else, and nothing goes on that was stopped. */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { abandonedTransactionSeconds, createLeases, inTransaction } from '@countersign/mongo'
import { createTransaction, problems } from '@countersign/contracts'
import { createCli, createMetrics, newId, readEnvironment } from '@countersign/runtime'
import { startAnvil, until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { ChainFault, classify, toChainFault } from '../src/chain/chain-fault.ts'
import { createChainNode } from '../src/chain/chain-node.ts'
import { signTransfer } from '../src/chain/signed-bytes.ts'
import { configFrom, environment } from '../src/config.ts'
import { createDisplaceRefused } from '../src/lanes/displace-refused.ts'
import { judgeApproved } from '../src/lanes/judge-approved.ts'
import type { LaneRound } from '../src/lanes/lane-round.ts'
import type { Payload } from '../src/lanes/sign-attempt.ts'
import { readIntentKey } from '../src/intents/intent-key.ts'
import { policyCommands } from '../src/operator/policy-commands.ts'
import { reserveCommands } from '../src/operator/reserve-commands.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { createGrantPrincipal } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import type { Principal } from '../src/principals/principal.ts'
import type { Transaction } from '../src/transactions/transaction.ts'
import { createCreateWallet } from '../src/wallets/create-wallet.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'
import { startScriptedNode, type ScriptedNode } from './scripted-node.ts'

t.jobs = 6
const world = await openWorld(t)
const { chain } = world
await chain.mine(8)
const gwei = 10n ** 9n
const quiet = (): void => {}
const quietLog = { info: quiet, warn: quiet, error: quiet } as unknown as LaneRound['log']

const answered = (code: number | undefined, message: string, method?: string) => classify({ kind: 'answer', code, message }, method)
const headOf = async (): Promise<number> => Number(await chain.request<string>('eth_blockNumber'))
/** The wallet's key is used outside of the house. */
const spendNonce = async ({ wallet }: House): Promise<void> => {
  await chain.request('anvil_impersonateAccount', [wallet.address])
  await chain.request('eth_sendTransaction', [{ from: wallet.address, to: '0x000000000000000000000000000000000000bEEF', value: '0x1' }])
}
const swallow: ScriptedNode['script'] = ({ method }) => method === 'eth_sendRawTransaction' ? 'drop' : undefined
const setPolicy = async (house: House, rules: object[]): Promise<void> => {
  await house.withParts(async (parts) => {
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => 'pol_x' })(validatePolicy({ rules }, checksummed))
  })
}

t.test('how a node says that a simulation failed is a verdict on the transfer; of a payload that was sent it proves nothing', async (t) => {
  const failures = ['EVM error: InvalidFEOpcode', 'EVM error InvalidFEOpcode', 'gas required exceeds allowance (30000000)', 'out of gas', 'invalid opcode: INVALID', 'VM execution error.',
    'invalid jump destination', 'stack limit reached 1024 (1023)', 'Out of gas: gas required exceeds allowance: 30000000']
  for (const words of failures) {
    t.match(answered(-32000, words, 'eth_estimateGas'), { code: 'reverted' }, words)
    t.match(answered(-32000, words, 'eth_call'), { code: 'reverted' }, words)
    t.match(answered(-32000, words), { code: 'unknown', mayHaveMovedMoney: true }, words)
  }
  t.match(answered(-32000, 'missing trie node 12', 'eth_estimateGas'), { code: 'unknown' })
  t.match(answered(-32000, 'unknown transaction type'), { code: 'unknown', class: 'trouble' }, 'no node has it')
  t.match(answered(-32000, 'known transaction: 0x12'), { code: 'already_known' })
  t.match(answered(-32000, 'block gas limit exceeded'), { code: 'refused' })
  t.match(answered(-32000, 'daily request limit exceeded'), { code: 'rate_limited' })
})

t.test('the bytes of a revert are found wherever a node puts them, and nowhere else', async (t) => {
  const revertDataOf = (data: unknown, message = 'execution reverted', method = 'eth_call') => toChainFault(method, { name: 'RpcRequestError', code: 3, details: message, data }).revertData
  for (const data of ['0x08C379a0', 'Reverted 0x08c379a0', { message: 'VM Exception', data: '0x08c379a0' }, { data: { data: '0x08c379a0' } }]) t.equal(revertDataOf(data), '0x08c379a0', JSON.stringify(data))
  for (const data of [undefined, null, 7, '0x0', 'no', { data: { data: { data: { data: '0x08c379a0' } } } }]) t.equal(revertDataOf(data), undefined, JSON.stringify(data))
  t.equal(revertDataOf('0x'), '0x')
  t.equal(revertDataOf('0x08c379a0', 'nonce too low'), undefined)
})

t.test('a number that is none is no answer', async (t) => {
  const scripted = await startScriptedNode(t, chain.rpcUrl)
  const node = createChainNode({ chainId: 31337, url: scripted.url, timeoutMs: 2_000, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  const fault = { name: 'ChainFault', code: 'unknown', answered: true, mayHaveMovedMoney: false }
  for (const result of ['0x', null, '', 'abc', '12', '0xZ', '-0x1', 7, `0x${'f'.repeat(65)}`]) {
    scripted.script = () => ({ result })
    await t.rejects(node.nonceAt(world.mongo.uri, 1), fault, String(result))
    await t.rejects(node.pendingNonce('0x'), fault)
    await t.rejects(node.balanceAt('0x', 1), fault)
    await t.rejects(node.estimateGas({ from: '0x', to: '0x', value: 1n, data: '0x' }), fault)
    await t.rejects(node.priorityFee(), fault)
    await t.rejects(node.chainIdThere(), fault)
    await t.rejects(node.head(), fault)
  }
  scripted.script = () => ({ result: '0x20000000000000' })
  await t.rejects(node.pendingNonce('0x'), fault, 'above every safe integer')
  t.equal(await node.balanceAt('0x', 1), 2n ** 53n)
  const [one, other] = ['1', '2'].map((digit) => `0x${digit.repeat(64)}`) as [string, string]
  const receipt = { transactionHash: one, status: '0x1', blockNumber: '0x1', blockHash: one, gasUsed: '0x1', effectiveGasPrice: '0x1' }
  scripted.script = () => ({ result: receipt })
  t.match(await node.receipt(one), { succeeded: true })
  await t.rejects(node.receipt(other), fault, 'another transaction\'s receipt decides nothing')
  scripted.script = () => ({ result: { ...receipt, status: null } })
  await t.rejects(node.receipt(one), fault, 'nor does one without a status')
  scripted.script = () => ({ result: { transactions: [{ hash: '0xshort', from: `0x${'0'.repeat(40)}`, nonce: '0x0' }] } })
  await t.rejects(node.transactionsIn(1), fault, 'nor does a hash that is none')
  const transfer = { chainId: 1, nonce: NaN, to: '0x', value: 1n, data: '0x' as const, gas: 21_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, eip1559: true }
  await t.rejects(signTransfer(transfer, '0x', async () => { throw new Error('asked to sign') }), RangeError)
})

t.test('a transfer that cannot go hides none behind it', async (t) => {
  const row = (id: string, value: bigint, cap: bigint) => ({ id, from: '0xA', to: id, data: '0x', value: value.toString(), maxFeeTotal: cap.toString() }) as unknown as Transaction
  const verdicts: Record<string, () => bigint> = {
    odd: () => { throw new ChainFault('eth_estimateGas', answered(-32000, 'header not found', 'eth_estimateGas'), 'header not found', true) },
    silent: () => { throw new ChainFault('eth_estimateGas', classify({ kind: 'timeout' }, 'eth_estimateGas'), '', false) },
    reverts: () => { throw new ChainFault('eth_estimateGas', answered(3, 'execution reverted'), 'no', true) }
  }
  let simulated = 0
  const silent: string[] = []
  const round = {
    market: { baseFee: gwei, tip: gwei }, chain: { maxFeeTotal: ether.toString() }, log: quietLog,
    node: { estimateGas: async ({ to }: { to: string }) => { simulated++; return verdicts[to]?.() ?? 21_000n } }
  } as unknown as LaneRound
  const judge = async (rows: Transaction[], balance: bigint, ready = 16) => {
    simulated = 0
    const { ready: found, refused, shortage } = await judgeApproved(round, (async function * () { yield * rows })(), balance, { ready, atOnce: 16, silent: (all) => { silent.push(...all.map(({ id }) => id)) } })
    return { ready: found.map(({ row: { id } }) => id), reverted: refused.map(({ row: { id } }) => id), shortage }
  }
  const cap = 10n ** 16n
  const waiting = Array.from({ length: 40 }, (_none, index) => row(`waits ${index}`, 1n, 1_000n))
  t.match(await judge([...waiting, row('pays', 1n, cap)], ether), { ready: ['pays'], shortage: undefined }, 'forty that wait for fees')
  t.equal(simulated, 1, 'and cost the node nothing')
  t.match(await judge([row('big', 2n * ether, cap), row('small', 1n, cap), row('bigger', 3n * ether, cap)], ether), { ready: ['small'], shortage: { balance: ether, needed: 2n * ether } })
  t.match(await judge([row('odd', 1n, cap), row('reverts', 1n, cap), row('silent', 1n, cap), row('fine', 1n, cap)], ether), { ready: ['fine'], reverted: ['reverts'] })
  await t.rejects(judge([row('silent', 1n, cap)], ether), { code: 'timeout' })
  t.strictSame(silent, ['silent', 'silent'], 'who costs the node\'s whole patience is told, whoever else was answered')
  t.match(await judge([row('a', 1n, cap), row('b', 1n, cap), row('c', 1n, cap)], ether, 2), { ready: ['a', 'b'] })
})

t.test('a no-op after a refusal costs no more than any transaction of the chain, or the one that was confirmed, or waits', async (t) => {
  const displaced = async (cap: bigint, baseFee: bigint, ofChain = 1n): Promise<Payload[]> => {
    let signed: readonly Payload[] = []
    const displace = createDisplaceRefused({
      signAttempts: async (_round, payloads) => { signed = payloads; return [] }, sendAttempts: async () => ({ fresh: [], refused: [], trouble: false })
    })
    const round = { market: { baseFee, tip: 10n }, chain: { maxFeeTotal: (21_000n * ofChain).toString() }, log: quietLog } as unknown as LaneRound
    await displace(round, [{ kind: 'first', row: { id: 'tx', maxFeeTotal: (21_000n * cap).toString() } as Transaction, nonce: 0, sequence: 1, maxFeePerGas: '100', maxPriorityFeePerGas: '10' } as never])
    return [...signed]
  }
  t.match(await displaced(1_000n, 80n), [{ kind: 'noop', because: 'refused', fees: { maxFeePerGas: 170n } }])
  t.match(await displaced(105n, 80n), [{ fees: { maxFeePerGas: 105n } }], 'the cap, where it lasts')
  t.match(await displaced(100n, 95n, 1_000n), [{ fees: { maxFeePerGas: 200n } }], 'whatever its own limit is')
  t.strictSame(await displaced(100n, 95n), [])
})

t.test('a grant to other factors carries nothing over; limits are numbers of the chain; a coin has its name', async (t) => {
  const row: Principal = { id: 'usr', kind: 'user', factorRoot: 'old', may: ['initiate'], wallets: ['wal_A', 'wal_B'], approverKeys: [], intentKey: null, grantedAt: new Date() }
  const grant = createGrantPrincipal({
    principals: { ofKey: async () => [], find: async () => row, put: async (put) => ({ ...put, grantedAt: new Date() }) }, wallets: { find: async () => ({}) as never },
    audit: { append: async () => undefined as never }, transact: async (work) => await work({} as never)
  })
  t.match(await grant({ userId: 'usr', walletIds: ['wal_C'], factorRoot: 'new' }), { principal: { factorRoot: 'new', wallets: ['wal_C'] } })
  t.match(await grant({ userId: 'usr', walletIds: ['wal_C'], factorRoot: 'old' }), { principal: { wallets: ['wal_A', 'wal_B', 'wal_C'] } })

  const rule = { name: 'a', effect: 'allow', wallets: ['wal_01M7YBWSP1NPN48JM15JE94XAD'], destinations: ['0x000000000000000000000000000000000000dEaD'], max_value: '1', require: { shown_proof: true } }
  for (const name of ['max_value', 'max_fee_total']) {
    t.throws(() => validatePolicy({ rules: [{ ...rule, [name]: (2n ** 256n).toString() }] }, checksummed), { message: new RegExp(`rules/0/${name} is above`) })
    t.doesNotThrow(() => validatePolicy({ rules: [{ ...rule, [name]: (2n ** 256n - 1n).toString() }] }, checksummed))
  }
  for (const option of ['--max-fee-total', '--name', '--max-value', '--wallet']) {
    let err = ''
    const cli = createCli({ name: 'signer', description: '', stdout: () => {}, stderr: (text) => { err += text } }).add(...policyCommands(async () => { throw new Error('opened') }))
    t.equal(await cli.run(['node', 'cli', 'policies', 'set', '--file', '/nowhere', option, '1']), 2, option)
    t.match(err, /either --file or/)
  }

  const { settings } = await world.house(t)
  const symbolOf = (chainJson: object) => configFrom(readEnvironment(environment, { ...settings, CHAINS: JSON.stringify([{ rpc_urls: ['http://127.0.0.1:9'], confirmations: 2, block_time_ms: 400, ...chainJson }]) })).chains[0]?.symbol
  t.equal(symbolOf({ chain_id: 11_155_111 }), 'ETH')
  t.equal(symbolOf({ chain_id: 137, symbol: 'POL' }), 'POL')
  t.throws(() => symbolOf({ chain_id: 137 }), { faults: [/^CHAINS must give the symbol/] } as never)
})

t.test('a key that was made and could not be used is named', async (t) => {
  const create = (fails: 'address' | 'signDigest' | 'insert') => createCreateWallet({
    wallets: { findByName: async () => undefined, insert: async () => { throw new Error('insert') } },
    keyRing: {
      address: async () => { if (fails === 'address') throw new Error(fails); return '0x1' as never },
      signDigest: async () => { if (fails === 'signDigest') throw new Error(fails); return {} as never }
    },
    keyAdmin: { createKey: async () => ({ keyId: 'key-7' }) as never }, audit: { append: async () => undefined as never },
    transact: async (work) => await work({} as never), newWalletId: () => 'wal_x'
  })
  for (const fails of ['address', 'signDigest', 'insert'] as const) {
    const wallet = { name: 'a', description: '', chainIds: [1], tags: {} }
    await t.rejects(create(fails)({ ...wallet, keyId: undefined }), { message: `${fails}; the key key-7 was made all the same: adopt it with --key-id key-7` })
    await t.rejects(create(fails)({ ...wallet, keyId: 'given' }), { message: fails })
  }
})

t.test('who reaches for a lease under an open transaction is told no soon, and gets none that is over', async (t) => {
  const { client } = world.mongo
  t.equal(await abandonedTransactionSeconds({ client }), 15, 'of a server that this project starts')
  const db = client.db(world.mongo.freshDatabase())
  const leases = createLeases(db)
  const first = await leases.acquire('lane', 'a', 200)
  const hold = async (): Promise<() => Promise<void>> => {
    let letGo = (): void => {}
    let holds = (): void => {}
    const held = new Promise<void>((resolve) => { holds = resolve })
    const done = inTransaction({ client }, async (session) => {
      await db.collection<{ _id: string }>('leases').updateOne({ _id: 'lane' }, { $inc: { asserts: 1 } }, { session })
      holds()
      await new Promise<void>((resolve) => { letGo = resolve })
    })
    await held
    return async () => {
      letGo()
      await done
    }
  }
  t.equal(first?.epoch, 1)
  await until(async () => await db.collection('leases').findOne({ $expr: { $lte: ['$expiresAt', '$$NOW'] } }) !== null, { what: 'the lease to be over', timeoutMs: patienceMs })
  const end = await hold()
  const startedAt = performance.now()
  const reached = leases.acquire('lane', 'b', 15_000)
  t.equal(await reached, null)
  t.ok(performance.now() - startedAt < 6_000, 'long before the server gives the transaction up')
  await end()

  const again = await hold()
  const waited = leases.acquire('lane', 'c', 300)
  // Longer than the lease that is asked for.
  await until(async () => await db.admin().command({ currentOp: 1, 'command.findAndModify': 'leases', microsecs_running: { $gte: 400_000 } }).then(({ inprog }) => (inprog as unknown[]).length > 0), { what: 'the statement to have waited', timeoutMs: patienceMs, everyMs: 50 })
  await again()
  const lease = await waited
  const alive = await db.collection('leases').findOne({ holder: 'c', $expr: { $gt: ['$expiresAt', '$$NOW'] } })
  t.equal(lease === null, alive === null, 'what is given is alive')
  await until(async () => await leases.acquire('lane', 'd', 60_000) !== null, { what: 'the next one to get it', timeoutMs: patienceMs })
})

t.test('a destination whose code fails, or about which a node says odd things, stops only what goes there', { buffered: true }, async (t) => {
  const scripted = await startScriptedNode(t, chain.rpcUrl)
  const [broken, odd, fine] = [0xdead9101n, 0xdead9102n, 0xdead9103n].map((number) => checksummed(`0x${number.toString(16).padStart(40, '0')}`) ?? '') as [string, string, string]
  await chain.request('anvil_setCode', [broken, '0xfe'])
  // At first the node's word on the next nonce is absurd as well: each nonce in between would cost a transfer of nothing.
  let pending: string | undefined = '0xfffff'
  scripted.script = ({ method, params: [call, block] }) => {
    if (method === 'eth_getTransactionCount' && block === 'pending' && pending !== undefined) return { result: pending }
    return method === 'eth_estimateGas' && (call as { to: string }).to === odd ? { error: 'something nobody ever said' } : undefined
  }
  const house = await world.house(t, { rpcUrl: scripted.url, destinations: [broken, odd, fine], funds: ether })
  await house.start()
  const [broke, strange] = [await house.approve(0), await house.approve(1)]
  const rich = await house.request(2, { value: 4n * ether })
  await house.confirm(rich.id)
  const innocent = await house.approve(2)
  await until(() => house.logs.text().includes('a pending nonce of 1048575'), { what: 'the nonce to be refused', timeoutMs: patienceMs })
  t.equal((await house.row(innocent))?.nonce, null)
  pending = undefined
  await house.reach(innocent, ['broadcast', 'mined', 'confirmed'])
  t.match(await house.reach(broke, 'rejected'), { failure: { code: 'reverted' }, attempts: [] })
  t.equal((await house.row(strange))?.state, 'approved')
  t.equal((await house.row(rich.id))?.state, 'approved')
  await until(async () => (await house.audit({ event: 'lane.paused' })).length > 0, { what: 'the shortage to be told', timeoutMs: patienceMs })
  scripted.script = () => undefined
  await house.reach(strange, ['broadcast', 'mined', 'confirmed'])
})

t.test('a nonce whose end cannot be proven waits alone', { buffered: true }, async (t) => {
  const scripted = await startScriptedNode(t, chain.rpcUrl)
  scripted.script = swallow
  const house = await world.house(t, { rpcUrl: scripted.url })
  const { metrics } = await house.start()
  const lost = await house.approve(0)
  await house.reach(lost, 'signed')
  scripted.script = () => 'drop'
  await spendNonce(house)
  const pruned = await headOf() - 1
  await chain.mine(4)
  scripted.script = ({ method, params: [, block] }) =>
    method === 'eth_getTransactionCount' && String(block).startsWith('0x') && Number(block) <= pruned + 1 ? { error: 'missing trie node 1234 (path ) state is not available' } : undefined
  await house.reach(await house.approve(1), ['broadcast', 'mined', 'confirmed'])
  t.equal((await house.row(lost))?.state, 'signed')
  t.match(await metrics.text(), /signer_lane_unproven\{[^}]*\} 1/)
  t.equal(house.logs.lines().filter(({ msg }) => String(msg).includes('waiting for proof')).length, 1, 'said once in a while')
  scripted.script = () => undefined
  await chain.mine(2)
  await house.reach(lost, ['broadcast', 'mined', 'confirmed'])
  t.match(await metrics.text(), /signer_lane_unproven\{[^}]*\} 0/)
})

t.test('no new nonce is given after the end, nor under a freeze: a transfer whose nonce was lost has failed then', { buffered: true }, async (t) => {
  const lose = async (house: House, scripted: ScriptedNode, index: number): Promise<string> => {
    scripted.script = swallow
    const id = await house.approve(index)
    await house.reach(id, 'signed')
    scripted.script = () => 'drop'
    await spendNonce(house)
    await chain.mine(4)
    return id
  }
  const [one, two] = [await startScriptedNode(t, chain.rpcUrl), await startScriptedNode(t, chain.rpcUrl)]
  const [late, frozen] = [await world.house(t, { rpcUrl: one.url, env: { CONFIRMATION_TTL_SECONDS: '12' } }), await world.house(t, { rpcUrl: two.url })]
  await Promise.all([late.start(), frozen.start()])
  const overdue = await lose(late, one, 0)
  const stopped = await lose(frozen, two, 0)
  await setPolicy(frozen, [{ name: 'freeze', effect: 'deny' }])
  two.script = () => undefined
  t.match(await frozen.reach(stopped, 'failed'), { failure: { code: 'policy_denied', detail: /freeze/ }, attempts: [{ state: 'dead' }] })
  await until(async () => await late.db.collection('transactions').findOne({ $expr: { $lte: ['$validUntil', '$$NOW'] } }) !== null, { what: 'the end', timeoutMs: patienceMs })
  one.script = () => undefined
  t.match(await late.reach(overdue, 'failed'), { failure: { code: 'expired_after_loss' }, attempts: [{ state: 'dead' }] })
  t.match((await late.audit({ event: 'transaction.failed' }))[0]?.facts, { dead_nonce: 0, code: 'expired_after_loss' })
  t.equal((await late.sentOnChain()).filter(({ to }) => to === late.destination(0)).length, 0)
})

t.test('a freeze stops what is approved and has no nonce yet', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  await house.start()
  const ids = [await house.approve(0), await house.approve(1)] as [string, string]
  await setPolicy(house, [{ name: 'freeze', effect: 'deny' }])
  await chain.fund(house.wallet.address, ether)
  for (const id of ids) t.match(await house.reach(id, 'rejected'), { failure: { code: 'policy_denied', detail: /freeze/ }, attempts: [] })
  t.match((await house.audit({ event: 'transaction.rejected' })).map(({ facts }) => facts as object), [{ from: 'approved', reason: 'policy', rule: 'freeze' }, { rule: 'freeze' }])
  t.equal((await house.sentOnChain()).length, 0)
})

t.test('a wallet that holds less than it should keep sends nothing new and is told of; funded, it goes on by itself', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: ether, env: { OPERATOR_EMAIL: 'operator@example.com', RECONCILE_INTERVAL_SECONDS: '1' } })
  const reserve = async (...args: string[]): Promise<number> => await createCli({ name: 'signer', description: '', stdout: quiet, stderr: quiet })
    .add(...reserveCommands(house.withParts)).run(['node', 'cli', 'wallets', 'reserve', house.wallet.id, ...args])
  t.equal(await reserve('--chain', '31337'), 2, 'how much?')
  t.equal(await reserve('--chain', '31337', '--least', '1', '--default'), 2)
  t.equal(await reserve('--chain', '1', '--least', '1'), 1, 'a chain that the wallet is not used on')
  t.equal(await reserve('--chain', '31337', '--least', (2n * ether).toString()), 0)
  const { metrics } = await house.start()
  const low = async (): Promise<string | undefined> => (await metrics.text()).split('\n').find((line) => line.startsWith('signer_wallet_low{'))?.slice(-1)
  await until(async () => await low() === '1', { what: 'the wallet to be low before anything waits', timeoutMs: patienceMs, everyMs: 300 })
  const mails = async (): Promise<number> => await house.db.collection('outbox').countDocuments({ queue: 'mail-signer' })
  t.equal(await mails(), 1)
  const id = await house.approve(0)
  await until(async () => (await house.audit({ event: 'lane.paused' })).length === 1, { what: 'the lane to pause', timeoutMs: patienceMs })
  t.match((await house.audit({ event: 'lane.paused' }))[0]?.facts, { reason: 'low_balance' })
  t.match(await house.row(id), { state: 'approved', nonce: null })
  t.equal(await mails(), 1, 'once an hour')
  await chain.fund(house.wallet.address, 3n * ether)
  await house.reach(id, ['mined', 'confirmed'])
  t.equal((await house.audit({ event: 'lane.resumed' })).length, 1)
  await chain.mine(2)
  await until(async () => await low() === '0', { what: 'the wallet not to be low', timeoutMs: patienceMs, everyMs: 300 })
  t.equal(await reserve('--chain', '31337', '--default'), 0)
  t.match((await house.audit({ event: 'wallet.reserve_set' })).map(({ facts }) => facts as object), [{ chain: 31337, least: (2n * ether).toString() }, { least: null }])
})

t.test('a wallet that is low is filled out of a treasury, once, by a transaction that the policy decides like any other', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: ether, env: { RECONCILE_INTERVAL_SECONDS: '1' } })
  const filler = newId('usr')
  const { publicKey } = generateKeyPairSync('ed25519')
  const treasury = await house.withParts(async (parts) => {
    const wallets = createWalletRepository(parts.mongo.db)
    const made = await createCreateWallet({ ...parts, wallets, newWalletId: () => newId('wal') })({ name: 'treasury', description: '', chainIds: [31337], keyId: undefined, tags: {}, role: 'treasury' })
    await createGrantPrincipal({ ...parts, principals: createPrincipalRepository(parts.mongo.db), wallets })({
      userId: filler, walletIds: [made.id], intentKey: readIntentKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())
    })
    return made
  })
  await chain.fund(treasury.address, 10n * ether)
  // Only what is final counts.
  await chain.mine(2)
  const reserve = async (...args: string[]): Promise<number> => await createCli({ name: 'signer', description: '', stdout: quiet, stderr: quiet })
    .add(...reserveCommands(house.withParts)).run(['node', 'cli', 'wallets', 'reserve', house.wallet.id, '--chain', '31337', '--least', (2n * ether).toString(), ...args])
  t.equal(await reserve('--refill-from', treasury.id), 2)
  t.equal(await reserve('--refill-from', treasury.id, '--refill-to', ether.toString(), '--refill-as', filler), 1, 'less than it should keep')
  t.equal(await reserve('--refill-from', house.wallet.id, '--refill-to', (4n * ether).toString(), '--refill-as', filler), 1, 'out of itself')
  t.equal(await reserve('--refill-from', treasury.id, '--refill-to', (4n * ether).toString(), '--refill-as', filler), 0)

  await house.start()
  await t.rejects(house.call(createTransaction, {
    ...house.asking, user_id: filler, idempotency_key: `refill:${house.wallet.id}:31337:first`, transfer: { wallet_id: treasury.id, chain_id: 31337, to: house.wallet.address, value: '1' }
  }), { kind: problems.schemaViolation } as never, 'the key of a refill is nobody else\'s')
  await until(async () => (await house.audit({ event: 'transaction.refused', actor: filler })).length > 0, { what: 'the policy to refuse it', timeoutMs: patienceMs, everyMs: 300 })
  await setPolicy(house, [{
    name: 'refills', effect: 'allow', initiators: [filler], wallets: [treasury.id], destinations: [house.wallet.address], max_value: (5n * ether).toString(), max_fee_total: (ether / 100n).toString(),
    require: {}, windows: [{ per: 'wallet', seconds: 3_600, max_sum: (6n * ether).toString(), max_count: 5 }]
  }])
  await until(async () => await chain.balanceOf(house.wallet.address) === 4n * ether, { what: 'the wallet to be filled', timeoutMs: patienceMs, everyMs: 300 })
  const compared = async (): Promise<number> => (await house.db.collection<{ walletId: string, height: number }>('reconciliations').findOne({ walletId: house.wallet.id }))?.height ?? 0
  const mined = await headOf()
  await until(async () => {
    await chain.mine()
    return await compared() > mined + 2
  }, { what: 'it to be looked at again', timeoutMs: patienceMs, everyMs: 300 })
  t.match(await house.db.collection('transactions').find({ initiator: filler }).toArray(), [{ walletId: treasury.id, value: (3n * ether).toString(), metadata: { refill: house.wallet.id } }])
  t.equal(await chain.balanceOf(house.wallet.address), 4n * ether)
})

t.test('a first node that fell behind gives way to the second', { buffered: true }, async (t) => {
  const scripted = await startScriptedNode(t, chain.rpcUrl)
  scripted.script = () => 'drop'
  const house = await world.house(t)
  const nodes = { CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [scripted.url, chain.rpcUrl], confirmations: 2, block_time_ms: 400 }]) }
  const knowing = await house.start(nodes)
  const old = `0x${(await headOf()).toString(16)}`
  const first = await house.approve(0)
  await house.reach(first, ['mined', 'confirmed'])
  await chain.mine(2)
  await house.reach(first, 'confirmed')
  scripted.script = (asked) => {
    if (asked.method === 'eth_getBlockByNumber' && asked.params[0] === 'latest') asked.params[0] = old
    return undefined
  }
  await house.reach(await house.approve(1), ['mined', 'confirmed'])
  await chain.mine(2)
  // One that has seen no higher head yet finds out by what the first node contradicts.
  await knowing.stop()
  await house.start(nodes)
  await house.reach(await house.approve(2), ['broadcast', 'mined', 'confirmed'])
  t.strictSame((await house.sentOnChain()).map(({ nonce }) => nonce), [0, 1, 2])
})

// What follows bends a chain of its own.
t.test('fees that stay too low cost the transfer its nonce, soon where others wait behind it and else after its end', { buffered: true }, async (t) => {
  const own = await openWorld(t)
  const scripted = await startScriptedNode(t, own.chain.rpcUrl)
  scripted.script = swallow
  const house = await own.house(t, { rpcUrl: scripted.url, env: { LANE_STUCK_SECONDS: '1' } })
  const rule = (name: string, index: number, cap: bigint) => ({
    name, effect: 'allow', wallets: [house.wallet.id], destinations: [house.destination(index)], max_value: ether.toString(), max_fee_total: (21_000n * cap).toString(), require: { shown_proof: true }
  })
  await setPolicy(house, [rule('low', 0, 6n * gwei), rule('high', 1, 400n * gwei)])
  await house.start()
  const cheap = await house.approve(0)
  await house.reach(cheap, 'signed')
  const baseFee = async (wei: bigint): Promise<void> => {
    await own.chain.request('anvil_setNextBlockBaseFeePerGas', [`0x${wei.toString(16)}`])
    await own.chain.mine()
  }
  await baseFee(50n * gwei)
  scripted.script = () => undefined
  const behind = await house.approve(1)
  await house.reach(behind, ['mined', 'confirmed'])
  await own.chain.mine(3)
  const done = await house.reach(cheap, 'failed')
  t.match(done, { failure: { code: 'fees' } })
  t.match(done.attempts.at(-1), { kind: 'noop', state: 'mined' })
  t.ok(done.attempts.every(({ nonce }) => nonce === 0))
  t.ok(Date.parse(done.updated_at) < Date.parse(done.valid_until), 'long before its end')

  await baseFee(gwei)
  scripted.script = swallow
  const validUntil = new Date(Date.now() + 12_000).toISOString()
  const { transaction: alone } = await house.call(createTransaction, {
    ...house.asking, idempotency_key: newId('idk'), transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(0), value: '1', valid_until: validUntil }
  })
  await house.confirm(alone.id)
  await house.reach(alone.id, 'signed')
  await baseFee(50n * gwei)
  scripted.script = () => undefined
  await house.reach(alone.id, 'mined')
  await own.chain.mine(3)
  const over = await house.reach(alone.id, 'failed')
  t.match(over, { failure: { code: 'fees' } })
  t.match(over.attempts.at(-1), { kind: 'noop', state: 'mined' })
  t.ok(Date.parse(over.attempts.at(-1)?.created_at ?? '') > Date.parse(over.valid_until), 'nobody waited for it')
  t.equal((await house.sentOnChain()).filter(({ to }) => to === house.destination(0)).length, 0)
})

t.test('a nonce that fees outgrew before anything was signed is given back, and the transfer goes once they fall', { buffered: true }, async (t) => {
  const own = await openWorld(t)
  const scripted = await startScriptedNode(t, own.chain.rpcUrl)
  const house = await own.house(t, { rpcUrl: scripted.url, maxFeeTotal: 21_000n * 6n * gwei, env: { LANE_STUCK_SECONDS: '1' } })
  own.kms.faults.set({ deny: ['Sign'] })
  await house.start()
  const id = await house.approve(0)
  await house.reach(id, 'assigned')
  let baseFee: string | undefined = `0x${(50n * gwei).toString(16)}`
  scripted.script = async (asked) => {
    if (asked.method !== 'eth_getBlockByNumber' || baseFee === undefined) return undefined
    const block = await own.chain.request<object | null>('eth_getBlockByNumber', asked.params)
    return { result: block && { ...block, baseFeePerGas: baseFee } }
  }
  await house.reach(id, 'approved')
  own.kms.faults.clear()
  await until(async () => (await house.sentOnChain()).length === 1, { what: 'the gap to be filled', timeoutMs: patienceMs })
  t.equal((await house.row(id))?.nonce, null)
  baseFee = undefined
  await house.reach(id, ['mined', 'confirmed'])
  t.strictSame((await house.sentOnChain()).map(({ to, nonce }) => [to, nonce]), [[house.wallet.address, 0], [house.destination(0), 1]])
})

t.test('a transfer that was final and is gone from the chain is sent again as it was, and nothing else', { buffered: true }, async (t) => {
  const own = await openWorld(t, { abandonedTransactionSeconds: 45 })
  const house = await own.house(t)
  await house.start()
  t.match(house.logs.lines().filter(({ msg }) => String(msg).startsWith('transactionLifetimeLimitSeconds')), [{ seconds: 45 }], 'the operator is told of a server that keeps the lanes of the dead')
  await own.chain.mine(4)
  const first = await house.approve(7)
  await house.reach(first, ['mined', 'confirmed'])
  await own.chain.mine(2)
  const before = await house.reach(first, 'confirmed')
  await own.chain.request('anvil_reorg', [4, []])
  t.equal((await house.sentOnChain()).length, 0)
  const second = await house.approve(8)
  await until(async () => (await house.audit({ event: 'lane.paused' })).length === 1, { timeoutMs: patienceMs, what: 'the lane to pause' })
  await until(async () => {
    await own.chain.mine()
    return ['mined', 'confirmed'].includes((await house.get(second)).state)
  }, { timeoutMs: patienceMs, what: 'the second one to follow', everyMs: 400 })
  const sent = await house.sentOnChain()
  t.strictSame(sent.map(({ to, nonce }) => [to, nonce]), [[house.destination(7), 0], [house.destination(8), 1]])
  t.equal(sent[0]?.hash, before.hash, 'the very same bytes')
  t.equal(await house.db.collection('attempts').countDocuments(), 2)
  t.match((await house.audit({ event: 'transaction.final_resent' })).map(({ facts }) => facts as object), [{ hash: before.hash, nonce: 0 }])
})

t.test('a nonce that nothing was signed for until long after the end is given up, and the transfer is over', { buffered: true }, async (t) => {
  const own = await openWorld(t)
  const house = await own.house(t, { env: { CONFIRMATION_TTL_SECONDS: '12', LANE_STUCK_SECONDS: '1' } })
  await house.start()
  own.kms.faults.set({ deny: ['Sign'] })
  const id = await house.approve(0)
  await house.reach(id, 'assigned')
  t.match(await house.reach(id, 'expired'), { failure: { code: 'expired' }, attempts: [] })
  own.kms.faults.clear()
  await house.reach(await house.approve(1), ['mined', 'confirmed'])
  const sent = await house.sentOnChain()
  t.strictSame(sent.map(({ to, nonce }) => [to, nonce]), [[house.wallet.address, 0], [house.destination(1), 1]], 'a no-op fills the gap')
})

t.test('a node that was started anew, empty, is sent no new nonce; one that tells another history is dropped, and the operator told', { buffered: true }, async (t) => {
  const [own, empty] = await Promise.all([openWorld(t), startAnvil(t)])
  const scripted = await startScriptedNode(t, own.chain.rpcUrl)
  const house = await own.house(t, { rpcUrl: scripted.url })
  const signer = await house.start()
  const first = await house.approve(0)
  await house.reach(first, ['mined', 'confirmed'])
  await own.chain.mine(2)
  await house.reach(first, 'confirmed')
  const second = await house.approve(1)
  await house.reach(second, 'mined')

  scripted.target = empty.rpcUrl
  const third = await house.approve(2)
  await until(async () => (await house.audit({ event: 'lane.paused' })).length === 1, { timeoutMs: patienceMs, what: 'the lane to pause' })
  t.match((await house.audit({ event: 'lane.paused' }))[0]?.facts, { reason: 'chain_behind' })
  t.equal((await house.row(third))?.nonce, null)
  t.equal((await house.row(second))?.state, 'mined', 'what the empty node does not know is not gone')
  t.equal(await empty.request('eth_getTransactionCount', [house.wallet.address, 'latest']), '0x0')

  scripted.target = own.chain.rpcUrl
  await house.reach(third, ['mined', 'confirmed'])
  await own.chain.mine(2)
  for (const id of [second, third]) await house.reach(id, 'confirmed')
  t.strictSame((await house.sentOnChain()).map(({ nonce }) => nonce), [0, 1, 2])
  await signer.stop()

  await empty.mine(Number(await own.chain.request<string>('eth_blockNumber')))
  const { metrics } = await house.start({
    OPERATOR_EMAIL: 'operator@example.com', CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [own.chain.rpcUrl, { url: empty.rpcUrl, weight: 5 }], confirmations: 2, block_time_ms: 400 }])
  })
  const [alarm] = await until(async () => {
    const rows = await house.audit({ event: 'node.dropped' })
    return rows.length > 0 && rows
  }, { timeoutMs: patienceMs, what: 'the second node to be dropped' })
  t.match(alarm, { subject: 'eip155:31337', facts: { node: 2, reason: 'distrusted' } })
  t.match((await metrics.text()).split('\n').filter((line) => line.startsWith('rpc_node_serving{')).map((line) => line.slice(-1)), ['1', '0'])
  t.equal(await house.db.collection('outbox').countDocuments({ queue: 'mail-signer' }), 1)
  await house.reach(await house.approve(3), ['mined', 'confirmed'])
  t.equal((await house.sentOnChain()).length, 4, 'and its weight sends no lane there')
})
