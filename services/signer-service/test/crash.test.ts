/** Killed at every named point, the real process makes each transfer exactly once, and each signature. A point that is not reached fails. */
import t from 'tap'
import { cancelTransaction, confirmSignature, createSignature, getSignature, problems, speedUpTransaction, type SignatureView, type TypedDataRequest } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { recoverTypedDataAddress, type Hex } from 'viem'
import { checksummed } from '../src/chain/address.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { crashAt, killAt } from './breaking/crashes.ts'
import { faultsIn, persistently } from './breaking/storm.ts'
import { crashPointNames, type CrashPointName } from '../src/crash-points.ts'
import { openWorld, type House } from './house.ts'
import { rightCode } from './otp-double.ts'

t.jobs = 5
const timeoutMs = 300_000
// A process that is killed inside a database transaction leaves it open until the server gives it up: after a minute by default.
const world = await openWorld(t, { blockTime: 1, abandonedTransactionSeconds: 2 })

const hurried: readonly CrashPointName[] = ['speed.asking', 'speed.asked', 'lane.wished', 'lane.answered']
const provoked: readonly CrashPointName[] = ['lane.stuck', 'lane.bumped', 'lane.reorging', 'lane.reorged']
const signing: readonly CrashPointName[] = ['signature.admitting', 'signature.admitted', 'signature.approved', 'signature.signed', 'signature.storing', 'signature.stored']
const cancelling: readonly CrashPointName[] = ['cancel.asking', 'cancel.asked', 'lane.wished', 'lane.answered']
const passed = crashPointNames.filter((name) => ![...provoked, ...hurried, ...cancelling, ...signing].includes(name))
const houses = 4

for (let first = 0; first < houses; first++) {
  const points = passed.filter((_name, index) => index % houses === first)
  t.test(`killed at ${points.join(', ')}`, { buffered: true }, async (t) => {
    const house = await world.house(t, { env: { LANE_LEASE_SECONDS: '1', LANE_RESEND_SECONDS: '1' } })
    const { payments, missed } = await crashAt(t, house, { points, timeoutMs })
    t.strictSame(missed, [])
    t.strictSame(await faultsIn(house, payments), [])
  })
}

t.test(`killed at ${provoked.join(', ')}`, { buffered: true }, async (t) => {
  const own = await openWorld(t, { abandonedTransactionSeconds: 2 })
  const house = await own.house(t, { env: { LANE_LEASE_SECONDS: '1', LANE_RESEND_SECONDS: '1', LANE_STUCK_SECONDS: '1' } })
  // So that the money is older than every reorg.
  await own.chain.mine(3)
  await own.chain.request('evm_setAutomine', [false])
  const count = async (state: string): Promise<number> => await house.db.collection('transactions').countDocuments({ state })
  const { payments, missed } = await crashAt(t, house, {
    points: provoked, timeoutMs,
    calm: async () => { await own.chain.mine() },
    provoke: async (point) => {
      if (point === 'lane.stuck' || point === 'lane.bumped') return
      // In a block, and out of it again once that was seen.
      if (await count('mined') > 0) await own.chain.request('anvil_reorg', [1, []])
      else if (Number((await own.chain.request<{ pending: string }>('txpool_status')).pending) > 0) await own.chain.mine()
    }
  })
  t.strictSame(missed, [])
  t.strictSame(await faultsIn(house, payments), [])
})

t.test(`killed at ${hurried.join(', ')} of what shall be faster, and at ${cancelling.join(', ')} of what shall be cancelled`, { buffered: true }, async (t) => {
  const own = await openWorld(t, { abandonedTransactionSeconds: 2 })
  const open = async () => await own.house(t, { env: { LANE_LEASE_SECONDS: '1', LANE_RESEND_SECONDS: '1' } })
  const underWay = async ({ db }: House) => await db.collection<{ _id: string }>('transactions').find({ state: 'broadcast', cancellation: null }).toArray()
  const [patient, house] = [await open(), await open()]
  // So that no money is of the last block.
  await own.chain.mine()
  await own.chain.request('evm_setAutomine', [false])
  const hurry = async (): Promise<void> => {
    for (const { _id: id } of await underWay(patient)) {
      const [first, ...others] = await patient.db.collection<{ _id: string }>('attempts').find({ txId: id }).toArray()
      if (first !== undefined && others.length === 0) await patient.call(speedUpTransaction, { ...patient.asking, id, over: first._id }).catch(() => undefined)
    }
  }
  // Nothing is in a block before each of them was sent again with higher fees.
  const raised = async (): Promise<boolean> => (await patient.db.collection('attempts').distinct('txId', { kind: 'replacement', state: { $ne: 'stored' } })).length === hurried.length
  const faster = await crashAt(t, patient, {
    points: hurried, timeoutMs, provoke: hurry,
    calm: async () => {
      await hurry()
      if (await raised()) await own.chain.mine()
    }
  })
  t.strictSame(faster.missed, [])
  t.strictSame(await faultsIn(patient, faster.payments), [])
  t.equal(await patient.db.collection('attempts').countDocuments(), 2 * hurried.length, 'each was raised once')

  // Nothing is in a block before each of them has its no-op.
  const cancelAll = async (): Promise<void> => {
    for (const { _id: id } of await underWay(house)) await house.call(cancelTransaction, { ...house.asking, id }).catch(() => undefined)
  }
  const outbid = async (): Promise<boolean> => await house.db.collection('attempts').countDocuments({ because: 'cancel', state: { $ne: 'stored' } }) === cancelling.length
  const { payments, missed } = await crashAt(t, house, {
    points: cancelling, timeoutMs, provoke: cancelAll,
    calm: async () => {
      await cancelAll()
      if (await outbid()) await own.chain.mine()
    }
  })
  t.strictSame(missed, [])
  t.strictSame(await faultsIn(house, payments, { cancelled: true }), [])
})

t.test(`killed at ${signing.join(', ')}`, { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const [token, spender, each] = ['0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69', '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF', 100]
  await house.withParts(async (parts) => await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules: [{
    name: 'permits', effect: 'allow', wallets: [house.wallet.id], destinations: [spender], max_value: '0', tokens: [{ token, max_amount: '1000', allowances: true }], require: { shown_proof: true },
    windows: [{ per: 'wallet', seconds: 86_400, token, max_sum: '1000' }], signatures: { typed_data: [{ contract: token, primary_types: ['Permit'] }] }
  }] }, checksummed)))
  const permit = (value: number, nonce: number): TypedDataRequest => ({
    domain: { name: 'Token', version: '1', chainId: 31337, verifyingContract: token }, primaryType: 'Permit', message: { owner: house.wallet.address, spender, value, nonce, deadline: '4000000000' },
    types: { Permit: ['address owner', 'address spender', 'uint256 value', 'uint256 nonce', 'uint256 deadline'].map((member) => ({ type: member.split(' ')[0] ?? '', name: member.split(' ')[1] ?? '' })) }
  })
  const ask = async (key: string, data: TypedDataRequest): Promise<SignatureView> =>
    (await house.call(createSignature, { ...house.asking, idempotency_key: key, message: { wallet_id: house.wallet.id, typed_data: data } })).signature
  // An answer may die with the process that got it.
  house.otp.switches.sendJob = true
  const see = async (id: string): Promise<SignatureView> => await house.call(getSignature, { ...house.asking, id })
  const { asking, missed } = await killAt(t, house, { points: signing, timeoutMs }, async (index) => {
    const key = newId('idk')
    const { id } = await persistently(timeoutMs, async () => await ask(key, permit(each, index)))
    await persistently(timeoutMs, async () => await house.call(confirmSignature, { ...house.asking, id, proof: { code: rightCode } }), async () => (await see(id)).state !== 'awaiting_confirmation')
    const { signature } = await until(async () => { const now = await see(id); return now.state === 'signed' && now }, { what: `${id} to be signed`, timeoutMs })
    return { key, id, index, signature }
  })
  t.strictSame(missed, [])
  await house.start()
  for (const { key, id, index, signature } of await Promise.all(asking)) {
    t.equal((await ask(key, permit(each, index))).id, id, 'a repeated request is the same one')
    t.equal((await house.call(confirmSignature, { ...house.asking, id, proof: { code: rightCode } })).signature, signature, 'and its signature the same as ever')
    t.equal(await recoverTypedDataAddress({ ...permit(each, index), signature: signature as Hex } as never), house.wallet.address)
    t.strictSame((await house.audit({ subject: id, event: /^signature/ })).map(({ event }) => event as string), ['signature.awaiting_confirmation', 'signature.approved', 'signature.signed'])
    t.equal(await house.db.collection('consumed_receipts').countDocuments({ txId: id }), 1)
    t.equal(await house.db.collection('events').countDocuments({ 'payload.data.signature_id': id, 'payload.type': 'signature.signed' }), 1, 'told once')
  }
  t.equal(await house.db.collection('signatures').countDocuments(), signing.length)
  const room = 1_000 - each * signing.length
  await t.rejects(ask(newId('idk'), permit(room + 1, 99)), { kind: problems.policyDenied } as never, 'what was asked for counts')
  t.match(await ask(newId('idk'), permit(room, 99)), { state: 'awaiting_confirmation' }, 'and counts once')
})
