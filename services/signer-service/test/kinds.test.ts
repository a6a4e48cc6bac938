/** Contract calls on a real chain: simulated with their data, signed with it, and refused when they revert; a chain without EIP-1559. */
import t from 'tap'
import { createTransaction, problems } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { parseTransaction, type Hex } from 'viem'
import { transferData } from '../src/calls/erc20.ts'
import { checksummed } from '../src/chain/address.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { openWorld, type House } from './house.ts'

t.jobs = 2
const world = await openWorld(t, { blockTime: 1 })
const refusal = (kind: { slug: string }) => ({ name: 'Problem', kind: { slug: kind.slug } })
const address = (digits: string): string => checksummed(`0x${digits.padStart(40, '0')}`) ?? ''
const keeper = address('c0de01')
const refuser = address('c0de02')
// What is called first with an argument keeps it in its first slot; the other one always reverts.
await world.chain.request('anvil_setCode', [keeper, '0x60043560005500'])
await world.chain.request('anvil_setCode', [refuser, '0x60006000fd'])

const allow = async (house: House): Promise<unknown> => await house.withParts(async (parts) =>
  await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules: [{
    name: 'calls', effect: 'allow', wallets: [house.wallet.id], destinations: [keeper, refuser, house.destination(0)], max_value: '1000',
    methods: [{ signature: 'keep(uint256)' }], tokens: [{ token: keeper, max_amount: '7' }], require: { shown_proof: true }
  }] }, checksummed)))
const ask = async (house: House, fields: object) =>
  (await house.call(createTransaction, { ...house.asking, idempotency_key: newId('idk'), transfer: { wallet_id: house.wallet.id, chain_id: 31337, ...fields } })).transaction
const bytesOf = async (house: House, id: string) => parseTransaction((await house.db.collection('attempts').findOne({ txId: id }))?.['bytes'] as Hex)

t.test('a call is judged by its method, confirmed in words, simulated and mined with its data', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  await allow(house)
  await t.rejects(ask(house, { to: keeper, data: '0x12345678' }), refusal(problems.policyDenied))
  await t.rejects(ask(house, { token: keeper, to: house.destination(0), amount: '8' }), refusal(problems.policyDenied))

  const { id, data, calls } = await ask(house, { to: keeper, abi: 'keep(uint256 number)', args: ['42'], speed: 'fast', priority: 3, metadata: { invoice: '7' } })
  t.match(house.otp.challengeOf(id).text, /^Call contract 0x.*\nMethod: keep\(uint256\) \(0x[0-9a-f]{8}\), named by whoever asked\nArgument 1: 42\n/)
  await house.confirm(id)
  t.match(await house.reach(id, 'confirmed'), { kind: 'call', data, calls, speed: 'fast', priority: 3, metadata: { invoice: '7' }, to: keeper })
  t.equal(BigInt(await world.chain.request<string>('eth_getStorageAt', [keeper, '0x0', 'latest'])), 42n)
  t.match(await bytesOf(house, id), { type: 'eip1559', data })

  const token = await ask(house, { token: keeper, to: house.destination(0), amount: '7' })
  t.match(token, { kind: 'token', to: keeper, value: '0', data: transferData(house.destination(0), 7n), calls: [{ movement: { kind: 'transfer', token: keeper, destination: house.destination(0), amount: '7' } }] })

  const doomed = await ask(house, { to: refuser, abi: 'keep(uint256)', args: ['1'] })
  await house.confirm(doomed.id)
  t.match(await house.reach(doomed.id, 'rejected'), { failure: { code: 'reverted' }, attempts: [] }, 'no nonce was ever used for it')
})

t.test('bytes that were changed in the database are not signed', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await allow(house)
  const signer = await house.start()
  const { id } = await ask(house, { to: keeper, abi: 'keep(uint256)', args: ['1'] })
  const row = await house.db.collection<{ _id: string, data: string }>('transactions').findOne({ _id: id })
  await house.db.collection<{ _id: string, data: string }>('transactions').updateOne({ _id: id }, { $set: { data: `${row?.data.slice(0, -1)}2` } })
  await t.rejects(house.confirm(id), refusal(problems.codeRejected), 'the receipt names the digest of other bytes')
  await signer.stop()
})

t.test('where there is no EIP-1559, transactions have one gas price; of the KMS the service needs Sign and GetPublicKey alone', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: { CHAINS: JSON.stringify([{ chain_id: 31337, rpc_urls: [world.chain.rpcUrl], confirmations: 2, block_time_ms: 400, eip1559: false }]) } })
  const before = world.kms.calls()
  world.kms.faults.set({ deny: ['CreateAlias', 'CreateKey', 'DescribeKey', 'DisableKey', 'EnableKey', 'ListAliases', 'ListKeys', 'ListResourceTags'] })
  t.teardown(() => { world.kms.faults.clear() })
  await house.start()
  const id = await house.approve()
  await house.reach(id, 'confirmed')
  t.match(await bytesOf(house, id), { type: 'legacy', chainId: 31337 })
  const asked = Object.entries(world.kms.calls()).filter(([operation, times]) => times > (before[operation] ?? 0)).map(([operation]) => operation)
  t.strictSame(asked.sort(), ['GetPublicKey', 'Sign'])
})
