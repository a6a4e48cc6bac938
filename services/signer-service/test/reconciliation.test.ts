/** What a chain shows of a wallet against what was asked for: a real chain, on which somebody else uses the same key. */
import t from 'tap'
import { confirmSignature, createSignature, type SignatureView, type TypedDataRequest } from '@countersign/contracts'
import { createAudit, createLeases } from '@countersign/mongo'
import { createMetrics, newId } from '@countersign/runtime'
import { deployContract, until } from '@countersign/testing'
import { encodeFunctionData, hashTypedData, keccak256, pad, parseAbi, parseSignature, serializeTransaction, toHex, type Hex } from 'viem'
import { checksummed } from '../src/chain/address.ts'
import { ChainFault } from '../src/chain/chain-fault.ts'
import { createChainNode } from '../src/chain/chain-node.ts'
import { createChain, createChains } from '../src/chain/chains.ts'
import { createReconciliation } from '../src/compose-reconciliation.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { countPermits, type CountGiven } from '../src/reconciliation/count-permits.ts'
import { createReconciliationRepository } from '../src/reconciliation/reconciliation-repository.ts'
import { createReadHoldings } from '../src/wallets/holdings.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { commandLine } from './command-line.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'
import { rightCode } from './otp-double.ts'

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

const signAside = async (house: House, digest: Hex) => await house.withParts(async ({ keyRing }) => await keyRing.signDigest(house.wallet.keyId, Buffer.from(digest.slice(2), 'hex')))

/** Compares at once, up to the newest block, with a token. */
function comparing (house: House, token: string) {
  const node = createChainNode({ chainId: 31337, url: world.chain.rpcUrl, timeoutMs: 5_000, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  const chains = createChains([createChain({ chainId: 31337, confirmations: 1, blockTimeMs: 1_000, symbol: 'ETH', maxFeeTotal: '10000000000000000', eip1559: true, multicall3: undefined, explorerUrl: undefined, tokens: [{ address: token, symbol: 'TOK', decimals: 18 }] }, [{ node }])])
  const reconcile = async () => await house.withParts(async ({ mongo, transact }) => await createReconciliation({
    db: mongo.db, chains, transact, audit: createAudit(mongo.db), wallets: createWalletRepository(mongo.db), leases: createLeases(mongo.db), holder: newId('prc'), tellAlarm: () => Promise.resolve()
  })())
  return { chains, reconcile }
}

/** Somebody who may use the key, and is not the signer. */
async function sendAside (house: House, { to, value, data }: { to: Hex, value?: bigint, data?: Hex }): Promise<string> {
  const nonce = Number(await world.chain.request<string>('eth_getTransactionCount', [house.wallet.address, 'pending']))
  const payload = { type: 'eip1559', chainId: 31337, nonce, to, value: value ?? 0n, data: data ?? '0x', gas: 100_000n, maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n } as const
  const signature = await signAside(house, keccak256(serializeTransaction(payload)))
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
  const { chains, reconcile } = comparing(house, token)
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

t.test('what is taken within a permit or an authorization is told and is no alarm; what is taken beside it, or by anybody else, is one', async (t) => {
  const house = await world.house(t)
  const wallet = house.wallet.address
  const token = await deployContract(world.chain, 'PermitToken', [10n ** 9n])
  await token.send('transfer', [wallet, 10_000n])
  const [, spender = '', thief = '', shop = ''] = (await world.chain.request<string[]>('eth_accounts')).map((account) => checksummed(account) ?? '')
  // An allowance from long ago, which is not forgotten by everybody.
  await sendAside(house, { to: token.address, data: encodeFunctionData({ abi: parseAbi(['function approve(address, uint256)']), args: [thief as Hex, 5_000n] }) })
  await until(async () => await token.read<bigint>('allowance', [wallet, thief]) > 0n, { what: 'the allowance', timeoutMs: patienceMs })
  await house.withParts(async (parts) => await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules: [{
    name: 'permits', effect: 'allow', wallets: [house.wallet.id], destinations: [spender, shop], max_value: '0', tokens: [{ token: token.address, max_amount: '1000', allowances: true }], require: { shown_proof: true },
    signatures: { typed_data: [{ contract: token.address, primary_types: ['Permit', 'TransferWithAuthorization'] }] }
  }] }, checksummed)))
  const { reconcile } = comparing(house, token.address)
  t.match(await reconcile(), [{ outcome: 'first' }])
  await house.start()

  const deadline = 4_000_000_000n
  const typed = (primaryType: string, members: string, message: Record<string, unknown>): TypedDataRequest => ({
    domain: { name: 'Permitted', version: '1', chainId: 31337, verifyingContract: token.address }, primaryType, message,
    types: { [primaryType]: members.split(',').map((member) => ({ type: member.split(' ')[0] ?? '', name: member.split(' ')[1] ?? '' })) }
  })
  const permitOf = (value: number, nonce: number, to = spender) => typed('Permit', 'address owner,address spender,uint256 value,uint256 nonce,uint256 deadline', { owner: wallet, spender: to, value, nonce, deadline: String(deadline) })
  const sign = async (data: TypedDataRequest): Promise<SignatureView> => {
    const { signature: { id } } = await house.call(createSignature, { ...house.asking, idempotency_key: newId('idk'), message: { wallet_id: house.wallet.id, typed_data: data } })
    return await house.call(confirmSignature, { ...house.asking, id, proof: { code: rightCode } })
  }
  const parts = ({ signature }: SignatureView) => { const { r, s, v } = parseSignature(signature as Hex); return [v, r, s] }
  const permit = async (value: number, nonce: number): Promise<string> => {
    const signed = await sign(permitOf(value, nonce))
    await token.send('permit', [wallet, spender, value, deadline, ...parts(signed)], spender)
    return signed.id
  }
  const take = async (by: string, amount: number, to = shop): Promise<void> => { await token.send('transferFrom', [wallet, to, amount], by) }

  const first = await permit(300, 0)
  await take(spender, 100)
  t.match(await reconcile(), [{ outcome: 'compared', findings: [], used: [{ token: token.address, to: shop, amount: 100n, signatures: [first] }] }])
  await take(spender, 150)
  await world.chain.request('anvil_setBalance', [wallet, toHex(await world.chain.balanceOf(wallet) - ether)])
  t.match(await reconcile(), [{ findings: [{ kind: 'balance_short', detail: /^coin was/ }], used: [{ amount: 150n, signatures: [first] }] }], 'what is missing beside it is told')

  const alarms = async (...amounts: number[]): Promise<void> => {
    const [found] = await reconcile()
    if (found?.outcome !== 'compared') throw new Error('not compared')
    t.strictSame([found.findings.map(({ kind, detail }) => `${kind} ${detail.split(' ')[0]}`), found.used.length], [amounts.map((amount) => `foreign_token_transfer ${amount}`), 0])
  }
  await take(thief, 40)
  await alarms(40)
  await take(spender, 20)
  await take(thief, 10)
  await alarms(20, 10)

  const [second, third] = [await permit(200, 1), (await take(spender, 200), await permit(60, 2))]
  await take(spender, 60)
  const authorization = { from: wallet, to: shop, value: 70, validAfter: 0, validBefore: String(deadline), nonce: toHex(7n, { size: 32 }) }
  const authorized = await sign(typed('TransferWithAuthorization', 'address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce', authorization))
  await token.send('transferWithAuthorization', [wallet, shop, 70, 0, deadline, authorization.nonce, ...parts(authorized)], thief)
  const [busy] = await reconcile()
  t.match(busy, { findings: [], used: [{ amount: 70n, signatures: [authorized.id] }, { amount: 200n, signatures: [second, third] }, { amount: 60n }] })
  await take(thief, 70)
  await alarms(70)

  // Who has the key as well sets the allowance back to nothing, as if its spender had used it, and helps himself.
  await permit(90, 3)
  t.match(await reconcile(), [{ findings: [], used: [] }])
  const forged = await signAside(house, hashTypedData(permitOf(0, 4) as never))
  await token.send('permit', [wallet, spender, 0, deadline, 27 + forged.yParity, toHex(forged.r, { size: 32 }), toHex(forged.s, { size: 32 })], thief)
  await take(thief, 90)
  await alarms(90)
  const told = await house.audit({ event: 'reconciliation.permit_used' })
  t.match(told[0], { walletId: house.wallet.id, facts: { chain: 31337, token: token.address, to: shop, amount: '100', signatures: [first] } })
  t.equal(told.length, 5)
})

t.test('a permit accounts for what its own spender\'s allowance lost, and for nothing that can be explained otherwise', async (t) => {
  const [token, owner, spender] = ['0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69', '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf', '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF']
  const permit = (amount: bigint, nonce: bigint, change: object = {}): CountGiven['permits'][number] => ({ form: 'permit', id: `sig_${nonce}`, token, spender, amount, nonce, deadline: 1_000n, isSigned: async () => true, ...change })
  const approval = (amount: bigint, block: number, change: object = {}) => ({ token, spender, amount, hash: `0x${block}`, block, logIndex: 0, ...change })
  const forgotten = new ChainFault('eth_call', { code: 'unknown', class: 'trouble', retryable: true, mayHaveMovedMoney: false }, 'missing trie node', true)
  /** @param allowances by the block from which on they hold; undefined: the node knows it no more. */
  const count = async (allowances: Readonly<Record<number, bigint | undefined>>, nonce: bigint, given: Partial<CountGiven>) => {
    const { taken, kept } = await countPermits({
      owner, token, before: 10, now: 20, approvals: [], transfers: [], permits: [], kept: undefined, isOurs: () => false, strange: false,
      node: {
        timeOf: async (block) => block,
        read: async (_to, data, block) => {
          const at = Object.keys(allowances).map(Number).filter((from) => from <= block).at(-1) ?? 0
          const answer = data.startsWith('0x7ecebe00') ? nonce : at === 0 ? 0n : allowances[at]
          if (answer === undefined) throw forgotten
          return toHex(answer, { size: 32 })
        }
      },
      ...given
    })
    return [taken, kept?.left[spender]?.amount]
  }
  const kept = { nonce: '0', left: { [spender]: { amount: '100', signature: 'sig_old' } } }
  const used = { permits: [permit(100n, 0n)], approvals: [approval(100n, 12)] }
  t.strictSame(await count({ 12: 100n, 14: 30n }, 1n, used), [70n, '30'])
  t.strictSame(await count({ 12: 30n }, 1n, { ...used, approvals: [approval(100n, 12), approval(30n, 12)], transfers: [{ hash: '0x12', amount: 70n }] }), [70n, '30'], 'a token that tells what is left')
  t.strictSame(await count({ 10: 100n, 13: 60n, 15: 10n }, 0n, { permits: used.permits, kept, approvals: [approval(60n, 13), approval(10n, 15)], transfers: [{ hash: '0x13', amount: 40n }, { hash: '0x15', amount: 50n }] }), [90n, '10'])
  t.strictSame(await count({ 10: 100n, 13: 0n }, 0n, { permits: used.permits, kept, approvals: [approval(0n, 13)], transfers: [{ hash: '0x14', amount: 100n }] }), [0n, undefined], 'taken back by a signature of somebody, and moved by another')
  t.strictSame(await count({ 12: 100n, 14: 30n }, 1n, { ...used, strange: true }), [0n, undefined], 'somebody else signs with the key')
  t.strictSame(await count({ 12: 0n }, 1n, { ...used, permits: [permit(100n, 0n, { deadline: 11n })] }), [0n, undefined], 'too late')
  t.strictSame(await count({ 12: 0n }, 1n, { ...used, permits: [permit(100n, 0n, { isSigned: async () => false })] }), [0n, undefined], 'a row that somebody made')
  t.strictSame(await count({ 12: 0n }, 1n, { ...used, permits: [permit(100n, 0n, { spender: owner })] }), [0n, undefined], 'another spender')
  t.strictSame(await count({ 12: 0n }, 2n, used), [0n, undefined], 'a permit that is none of ours')
  t.strictSame(await count({ 12: 0n }, 2n, { ...used, permits: [permit(100n, 0n), permit(9n, 5n)] }), [0n, undefined])
  t.strictSame(await count({ 10: 100n, 13: 40n }, 0n, { permits: used.permits, kept }), [60n, '40'], 'what is left of an older one')
  t.strictSame(await count({ 10: 100n, 13: 0n }, 0n, { permits: used.permits, kept, approvals: [approval(0n, 13)], isOurs: () => true }), [0n, undefined], 'taken back by ourselves')
  t.strictSame(await count({ 10: 500n, 13: 0n }, 0n, { permits: used.permits, kept }), [100n, undefined], 'never more than was permitted')
  t.strictSame(await count({ 10: 100n, 12: 900n, 15: 0n }, 0n, { permits: used.permits, kept, approvals: [approval(900n, 12)] }), [0n, undefined], 'allowed otherwise')
  t.strictSame(await count({ 10: 100n, 12: undefined, 15: 50n }, 1n, { ...used, kept, approvals: [approval(100n, 14)] }), [50n, '50'], 'a node that forgot what lay between')
  t.strictSame(await count({ 10: 100n, 12: 0n }, 1n, { ...used, kept }), [100n, undefined], 'nobody can tell what was taken in the block of the next one')
  t.strictSame(await count({ 10: 2n ** 256n - 1n }, 0n, { permits: used.permits, kept: { nonce: '0', left: { [spender]: { amount: (2n ** 256n - 1n).toString(), signature: 'sig_old' } } } }), [0n, (2n ** 256n - 1n).toString()], 'without a limit nothing is counted')
})

/**
 * 36 bytes of call data are balanceOf, which is one ether; else the event Transfer(first word, second word, third word).
 * CALLDATASIZE 36 EQ 0x3a JUMPI; MSTORE(0, word 2); LOG3(0, 32, Transfer, word 0, word 1); STOP; JUMPDEST MSTORE(0, 10^18); RETURN(0, 32)
 */
const tokenCode = '0x36602414603a576040356000526020356000357fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60206000a3005b670de0b6b3a764000060005260206000f3'
