/** Tokens compiled from Solidity, and Multicall3, on a real chain: paid by amount, judged by policy, counted in balances, and refused in every way tokens refuse. */
import t from 'tap'
import { createTransaction, getWallet, problems } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { deployContract, moods, placeMulticall3 } from '@countersign/testing'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { checksummed } from '../src/chain/address.ts'
import { openWorld, type House } from './house.ts'
import { startScriptedNode } from './scripted-node.ts'

const world = await openWorld(t, { blockTime: 1 })
const { chain } = world
const [gold, silent, moody] = [
  await deployContract(chain, 'Token', ['Gold', 'GLD', 6, 10n ** 12n]), await deployContract(chain, 'SilentToken', [10n ** 12n]), await deployContract(chain, 'MoodyToken', [10n ** 12n])
]
const multicall3 = await placeMulticall3(chain)

const envOf = (rpcUrl: string) => ({
  CHAINS: JSON.stringify([{
    chain_id: 31337, rpc_urls: [rpcUrl], confirmations: 2, block_time_ms: 400, explorer_url: 'https://explorer.example/', tokens: [{ address: gold.address, symbol: 'GLD', decimals: 6 }, { address: silent.address, symbol: 'SILENT', decimals: 6 }]
  }])
})
/** Its wallet holds a thousand of each token; calls of the moody one, and coins, may go as well. */
const openTokens = async (t: Parameters<typeof world.house>[0], rpcUrl = chain.rpcUrl): Promise<House> => {
  const house = await world.house(t, { env: envOf(rpcUrl) })
  for (const token of [gold, silent, moody]) await token.send('transfer', [house.wallet.address, 1_000n])
  const tokens = [gold.address, silent.address, moody.address, ghost].map((token) => ({ token, max_amount: '100' }))
  await house.withParts(async (parts) => await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules: [
    { name: 'tokens', effect: 'allow', wallets: [house.wallet.id], destinations: [payee, other, multicall3, ...tokens.map(({ token }) => token)], max_value: '100', tokens, methods: [{ signature: 'poke(uint256)' }],
      windows: [{ per: 'wallet', seconds: 3_600, token: moody.address, max_sum: '1000' }], require: { shown_proof: true } }
  ] }, checksummed)))
  return house
}
const payee = checksummed(`0x${'beef'.padStart(40, '0')}`) ?? ''
const other = checksummed(`0x${'cafe'.padStart(40, '0')}`) ?? ''
/** Nothing stands there. */
const ghost = checksummed(`0x${'90057'.padStart(40, '0')}`) ?? ''
const ask = async (house: House, fields: object) =>
  (await house.call(createTransaction, { ...house.asking, idempotency_key: newId('idk'), transfer: { wallet_id: house.wallet.id, chain_id: 31337, ...fields } })).transaction
const confirmed = async (house: House, fields: object): Promise<string> => {
  const { id } = await ask(house, fields)
  await house.confirm(id)
  return id
}
const refusal = (kind: { slug: string }) => ({ name: 'Problem', kind: { slug: kind.slug } })

const house = await openTokens(t)
await house.start()

t.test('a token is paid by its amount, within the policy, and both sides hold what they should', async (t) => {
  await t.rejects(ask(house, { token: gold.address, to: payee, amount: '101' }), refusal(problems.policyDenied), 'more than the policy lets go')
  const { id } = await ask(house, { token: gold.address, to: payee, amount: '100' })
  t.match(house.otp.challengeOf(id).text, /0\.0001 GLD/)
  const loud = house.confirm(id)
  const quiet = confirmed(house, { token: silent.address, to: payee, amount: '7' })
  await loud
  t.match(await house.reach(id, 'confirmed'), { kind: 'token', to: gold.address, calls: [{ movement: { kind: 'transfer', token: gold.address, destination: payee, amount: '100' } }], attempts: [{ explorer_url: /^https:\/\/explorer\.example\/tx\/0x[0-9a-f]{64}$/ }] })
  t.match(await house.reach(await quiet, 'confirmed'), { kind: 'token', to: silent.address }, 'a token whose transfer returns nothing')
  t.equal(await gold.read('balanceOf', [payee]), 100n)
  t.equal(await silent.read('balanceOf', [payee]), 7n)

  const { balances } = await house.call(getWallet, { ...house.asking, operator: false, id: house.wallet.id })
  t.match(balances, [{ chain_id: 31337, reason: null, assets: [{ token: null, symbol: 'ETH' }, { token: gold.address, symbol: 'GLD', balance: '900' }, { token: silent.address, symbol: 'SILENT', balance: '993' }] }])
})

t.test('a batch is mined whole through Multicall3', async (t) => {
  const before = await chain.balanceOf(other)
  const id = await confirmed(house, { calls: [{ to: other, value: '3' }, { to: other, value: '4' }, { to: moody.address, abi: 'poke(uint256)', args: ['5'] }] })
  t.match(await house.reach(id, 'confirmed'), { kind: 'batch', to: multicall3, value: '7' })
  t.equal(await chain.balanceOf(other) - before, 7n)
})

t.test('a call that would revert is not sent, and its reason is told in words and in the contract\'s own terms', async (t) => {
  const poke = { to: moody.address, abi: ['poke(uint256)', 'error Frozen(address account, string reason)'], args: ['5'] }
  for (const [mood, request, failure] of [
    ['reverts with a reason', poke, { detail: 'Would revert, and was not sent: "Moody: not today"', revert: { error: 'Error(string)', args: ['"Moody: not today"'], data: /^0x08c379a0/ } }],
    ['panics', poke, { detail: /: Panic\(17\), a number over- or underflows$/, revert: { error: 'Panic(uint256)', args: ['17'] } }],
    ['reverts with an error', poke, { detail: `Would revert, and was not sent: Frozen(${house.wallet.address}, "under review")`, revert: { error: 'Frozen(address,string)', args: [house.wallet.address, '"under review"'] } }],
    ['reverts with an error', { ...poke, abi: 'poke(uint256)' }, { detail: /: an error that nothing names, 0x[0-9a-f]{8}$/, revert: { args: undefined } }],
    ['reverts silently', poke, { detail: /: the contract gives no reason$/, revert: { data: '0x' } }]
  ] as const) {
    await moody.send('setMood', [moods.indexOf(mood)])
    const view = await house.reach(await confirmed(house, request), ['rejected', 'confirmed', 'failed'])
    t.match(view, { state: 'rejected', attempts: [], failure: { code: 'reverted', ...failure } }, mood)
  }
  await moody.send('setMood', [0])
})

t.test('a token that answers false moves nothing and is not sent; one that changes its mind before it is mined has failed', async (t) => {
  const payment = { token: moody.address, to: payee, amount: '5' }
  const doubtful = await confirmed(house, payment)
  await house.reach(doubtful, 'confirmed')
  await moody.send('setMood', [moods.indexOf('returns false')])
  t.match(await house.reach(await confirmed(house, payment), 'rejected'), { failure: { code: 'token_refused', detail: new RegExp(`The token ${moody.address} answers`) }, attempts: [] })
  await moody.send('setMood', [0])

  // The mood changes between the simulation and the block.
  const node = await startScriptedNode(t, chain.rpcUrl)
  const late = await openTokens(t, node.url)
  const signer = await late.start()
  for (const [mood, failure, kept] of [
    ['returns false', { code: 'token_refused', detail: /logged nothing/ }, { mined: { outcome: 'unmoved' }, reservation: { state: 'settled' } }],
    ['reverts with a reason', { code: 'reverted', detail: 'Reverted on chain: "Moody: not today"', revert: { error: 'Error(string)' } }, { mined: { outcome: 'reverted' }, reservation: { state: /^releas/ } }]
  ] as const) {
    node.script = async ({ method }) => {
      if (method === 'eth_sendRawTransaction') await moody.send('setMood', [moods.indexOf(mood)])
      return undefined
    }
    const view = await late.reach(await confirmed(late, payment), ['failed', 'confirmed'])
    t.match(view, { state: 'failed', failure, attempts: [{ state: 'mined' }] }, mood)
    t.match(await late.db.collection<{ _id: string }>('transactions').findOne({ _id: view.id }), kept, mood)
    node.script = () => undefined
    await moody.send('setMood', [0])
  }
  await signer.stop()
  t.equal(await moody.read('balanceOf', [payee]), 5n)
})

t.test('a call of a contract that is not there is refused at once, and where no node says so, before it is signed', async (t) => {
  const nowhere = { to: other, data: '0x12345678' }
  const fault = (path: string) => ({ name: 'Problem', kind: { slug: 'schema-violation' }, extensions: { faults: [{ path, message: /contract/ }] } })
  await t.rejects(ask(house, { to: ghost, abi: 'poke(uint256)', args: ['1'] }), fault('body/to'))
  await t.rejects(ask(house, { token: ghost, to: payee, amount: '1' }), fault('body/token'))
  await t.rejects(ask(house, { calls: [{ to: payee, value: '1' }, { to: ghost, abi: 'poke(uint256)', args: ['1'] }] }), fault('body/calls/1/to'))
  await t.rejects(ask(house, nowhere), refusal(problems.policyDenied), 'the policy goes first')

  const node = await startScriptedNode(t, chain.rpcUrl)
  node.script = ({ method }) => method === 'eth_getCode' ? { error: 'try again later' } : undefined
  const blind = await openTokens(t, node.url)
  await blind.start()
  const id = await confirmed(blind, { token: ghost, to: payee, amount: '1' })
  node.script = () => undefined
  t.match(await blind.reach(id, 'rejected'), { failure: { code: 'no_code', detail: new RegExp(ghost) }, attempts: [] })
})
