/** What a chain shows of a wallet against what was asked for: a real chain, on which somebody else uses the same key. */
import t from 'tap'
import { createAudit, createLeases } from '@countersign/mongo'
import { createMetrics, newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { keccak256, pad, serializeTransaction, toHex, type Hex } from 'viem'
import { createChainNode } from '../src/chain/chain-node.ts'
import { createChain, createChains } from '../src/chain/chains.ts'
import { createReconciliation } from '../src/compose-reconciliation.ts'
import { createReconciliationRepository } from '../src/reconciliation/reconciliation-repository.ts'
import { createReadHoldings } from '../src/wallets/holdings.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { commandLine } from './command-line.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'

const world = await openWorld(t, { blockTime: 1 })

interface Report { readonly wallets: readonly { readonly outcome: string, readonly nonce: number | null, readonly ours: number | null, readonly height: number | null, readonly reason: string | null }[], readonly alarms: readonly { readonly id: string, readonly kind: string, readonly hash: string | null, readonly detail: string }[] }

const head = async (): Promise<number> => Number(await world.chain.request<string>('eth_blockNumber'))

/** Runs the command once what is on the chain now is final. */
async function reconciled (house: House): Promise<{ readonly code: number, readonly report: Report }> {
  const from = await head()
  await until(async () => await head() > from + 2, { what: 'two more blocks', timeoutMs: patienceMs })
  const { code, json } = await commandLine(house.settings)('wallets', 'reconcile', '--json')
  return { code, report: json<Report>() }
}

/** Somebody who may use the key, and is not the signer. */
async function sendAside (house: House, { to, value, data }: { to: Hex, value?: bigint, data?: Hex }): Promise<string> {
  const nonce = Number(await world.chain.request<string>('eth_getTransactionCount', [house.wallet.address, 'pending']))
  const payload = { type: 'eip1559', chainId: 31337, nonce, to, value: value ?? 0n, data: data ?? '0x', gas: 100_000n, maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n } as const
  const signature = await house.withParts(async ({ keyRing }) => await keyRing.signDigest(house.wallet.keyId, Buffer.from(keccak256(serializeTransaction(payload)).slice(2), 'hex')))
  const bytes = serializeTransaction(payload, { r: toHex(signature.r, { size: 32 }), s: toHex(signature.s, { size: 32 }), yParity: signature.yParity })
  return await world.chain.request<string>('eth_sendRawTransaction', [bytes])
}

t.test('what was asked for is found and no alarm; what somebody else signed is one, told once, until it is acknowledged', async (t) => {
  const house = await world.house(t, { env: { OPERATOR_EMAIL: 'operator@example.com' } })
  await house.start()
  t.match((await reconciled(house)).report, { wallets: [{ outcome: /first|compared/, nonce: 0 }], alarms: [] })
  await house.reach(await house.approve(0), 'confirmed')
  await house.reach(await house.approve(1), 'confirmed')
  t.match(await reconciled(house), { code: 0, report: { wallets: [{ outcome: 'compared', nonce: 2, ours: 2 }], alarms: [] } })

  const hash = await sendAside(house, { to: '0x00000000000000000000000000000000DeaDBeef', value: ether })
  const found = await reconciled(house)
  t.match(found, { code: 1, report: { wallets: [{ nonce: 3, ours: 0 }], alarms: [{ kind: 'foreign_transaction', hash, detail: /nonce 2 was used by 0x\w+ in block \d+, which is none of ours/ }] } })
  t.equal(found.report.alarms.length, 1, 'the missing ether needs no alarm of its own')
  t.match((await reconciled(house)), { code: 1, report: { alarms: [{ hash }] } }, 'it stays open')

  const alarms = await house.audit({ event: 'reconciliation.alarm' })
  t.match(alarms, [{ walletId: house.wallet.id, facts: { kind: 'foreign_transaction', chain: 31337, mark: '2', hash } }])
  t.equal(alarms.length, 1)
  t.equal(await house.db.collection('outbox').countDocuments({ queue: 'mail-signer' }), 1, 'one mail')

  const cli = commandLine(house.settings)
  t.match(await cli('wallets', 'reconcile', '--acknowledge', 'none'), { code: 1, err: /there is no open alarm none/ })
  t.match(await cli('wallets', 'reconcile', '--acknowledge', found.report.alarms[0]?.id ?? ''), { code: 0, out: /Nothing is open/ })
  t.equal((await house.audit({ event: 'reconciliation.acknowledged' })).length, 1)
  await house.reach(await house.approve(3), 'confirmed')
  t.match(await reconciled(house), { code: 0, report: { wallets: [{ nonce: 4, ours: 1 }] } })
})

t.test('the service compares by itself, tells its metrics, and a node that is away delays and forgets nothing', async (t) => {
  const house = await world.house(t)
  const service = await house.start({ RECONCILE_INTERVAL_SECONDS: '1' })
  const reconciliations = createReconciliationRepository(house.db)
  await until(async () => (await reconciliations.list()).length === 1, { what: 'the first comparison', timeoutMs: patienceMs })
  await service.stop()
  await sendAside(house, { to: '0x00000000000000000000000000000000DeaDBeef', value: 1n })
  const away = commandLine({ ...house.settings, RPC_TIMEOUT_MS: '500', CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, 'http://127.0.0.1:9') ?? '' })
  t.match((await away('wallets', 'reconcile', '--json')).json(), { wallets: [{ outcome: 'unreachable', reason: 'unreachable' }], alarms: [] })
  t.equal((await away('wallets', 'reconcile')).code, 1)
  const again = await house.start({ RECONCILE_INTERVAL_SECONDS: '1' })
  await until(async () => /signer_reconciliation_open_alarms\{?.*\}? 1/.test(await again.metrics.text()), { what: 'the gauge of open alarms', timeoutMs: patienceMs })
  t.match(await again.metrics.text(), /signer_wallet_balance\{.*chain="31337".*\} \d/)
  t.match(await reconciliations.openAlarms(), [{ kind: 'foreign_transaction' }])
})

t.test('money that left without a nonce, a transfer that is gone, and a token that somebody took are told apart', async (t) => {
  const house = await world.house(t)
  const token = '0x00000000000000000000000000000000000070c0'
  await world.chain.request('anvil_setCode', [token, tokenCode])
  const node = createChainNode({ chainId: 31337, url: world.chain.rpcUrl, timeoutMs: 5_000, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  const chains = createChains([createChain({ chainId: 31337, confirmations: 1, blockTimeMs: 1_000, symbol: 'ETH', maxFeeTotal: '10000000000000000', eip1559: true, multicall3: undefined, explorerUrl: undefined, tokens: [{ address: token, symbol: 'TOK', decimals: 18 }]  }, [{ node }])])
  const reconcile = async () => await house.withParts(async ({ mongo, transact }) => await createReconciliation({
    db: mongo.db, chains, transact, audit: createAudit(mongo.db), wallets: createWalletRepository(mongo.db), leases: createLeases(mongo.db), holder: newId('prc'), tellAlarm: () => Promise.resolve()
  })())
  t.match(await reconcile(), [{ outcome: 'first', balances: { [token]: String(ether) } }])
  t.match(await createReadHoldings({ chains, timeoutMs: 5_000, cacheMs: 0, now: () => 0 })(house.wallet), [{ assets: [{ symbol: 'ETH' }, { token, symbol: 'TOK', balance: ether }] }])

  const { stop } = await house.start()
  await house.reach(await house.approve(0), 'confirmed')
  // A spender with an allowance: the token leaves by another account's transaction.
  const [spender] = await world.chain.request<string[]>('eth_accounts')
  const data = `0x${[house.wallet.address, '0x00000000000000000000000000000000DeaDBeef', '0x64'].map((word) => pad(word as Hex).slice(2)).join('')}`
  const hash = await world.chain.request<string>('eth_sendTransaction', [{ from: spender, to: token, data, gas: '0x30d40' }])
  await until(async () => await world.chain.request('eth_getTransactionReceipt', [hash]) !== null, { what: 'the token to move', timeoutMs: patienceMs })
  t.match(await reconcile(), [{ outcome: 'compared', ours: 1, findings: [{ kind: 'foreign_token_transfer', hash, detail: /^100 of the token 0x\w+ went to 0x\w+ by 0x/ }] }])

  await stop()
  const balance = await world.chain.balanceOf(house.wallet.address)
  await world.chain.request('anvil_setBalance', [house.wallet.address, toHex(balance - ether)])
  const from = await head()
  await until(async () => await head() > from, { what: 'a block', timeoutMs: patienceMs })
  t.match(await reconcile(), [{ findings: [{ kind: 'balance_short', detail: /while we moved 0 at most/ }] }])
  // Somebody sends more in than was there: no alarm.
  await world.chain.fund(house.wallet.address, 200n * ether)
  await until(async () => await head() > from + 2, { what: 'another block', timeoutMs: patienceMs })
  t.match(await reconcile(), [{ outcome: 'compared', findings: [] }])

  // As if the nonce had been ours and the chain knows it no more.
  await house.db.collection('reconciliations').updateOne({}, { $set: { nonce: 0, height: 0 } })
  await house.db.collection('attempts').aggregate([{ $set: { _id: { $concat: [{ $substrCP: ['$_id', 0, 62] }, 'dead'] } } }, { $out: 'moved' }]).toArray()
  await house.db.collection('attempts').deleteMany({})
  await house.db.collection('attempts').insertMany(await house.db.collection('moved').find().toArray())
  t.match((await reconcile())[0], { findings: [{ kind: 'transfer_missing', detail: /nonce 0 was used by 0x\w+dead for us, and is used by 0x\w+ now/ }, {}] })
  await house.db.collection('reconciliations').updateOne({}, { $set: { nonce: 9 } })
  await until(async () => await head() > from + 4, { what: 'another block', timeoutMs: patienceMs })
  t.match(await reconcile(), [{ findings: [{ kind: 'nonce_went_back', detail: /was 9 at block/ }] }])
})

/**
 * 36 bytes of call data are balanceOf, which is one ether; else the event Transfer(first word, second word, third word).
 * CALLDATASIZE 36 EQ 0x3a JUMPI; MSTORE(0, word 2); LOG3(0, 32, Transfer, word 0, word 1); STOP; JUMPDEST MSTORE(0, 10^18); RETURN(0, 32)
 */
const tokenCode = '0x36602414603a576040356000526020356000357fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60206000a3005b670de0b6b3a764000060005260206000f3'
