/** Rolling windows on a real MongoDB, raced for by two compositions of the service, and what gives room back. */
import t from 'tap'
import { cancelTransaction, createTransaction, problems, speedUpTransaction, type TransactionView } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createReleaseWindows } from '../src/policies/release-windows.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { bucketMs, heldIn, isUsable, withAmount, withoutAmount, type Bucket } from '../src/policies/window-buckets.ts'
import { createInLine } from '../src/policies/window-line.ts'
import type { Transact } from '../src/unit.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'

const world = await openWorld(t, { blockTime: 1 })

const setRules = async (house: House, ...rules: object[]): Promise<void> => {
  await house.withParts(async (parts) => {
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules }, checksummed))
  })
}
const free = (house: House, windows: object[], changes: object = {}) => ({
  name: 'free', effect: 'allow', wallets: [house.wallet.id], destinations: 'any', max_value: ether.toString(), max_fee_total: (ether / 100n).toString(), require: {}, windows, ...changes
})
const day = 86_400
const heldBy = async (house: House, key: string): Promise<bigint> => {
  const row = await house.db.collection<{ _id: string, buckets: Bucket[] }>('windows').findOne({ _id: key })
  return (row?.buckets ?? []).reduce((sum, { total }) => sum + BigInt(total), 0n)
}
/** A command that a slow machine did not answer in time is repeated under its key, as a caller would. */
const ask = async (house: House, index: number, value: bigint, key = newId('idk'), tries = 20): Promise<TransactionView> => {
  try {
    const { transaction } = await house.call(createTransaction, {
      ...house.asking, idempotency_key: key, transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(index), value: value.toString() }
    })
    return transaction
  } catch (error) {
    if ((error as { kind?: unknown }).kind !== problems.unavailable || tries === 1) throw error
    return await ask(house, index, value, key, tries - 1)
  }
}

t.test('buckets never let more through than the window allows, and forget what has left', async (t) => {
  const seconds = 64
  const at = (second: number): Date => new Date(1_900_000_000_000 + second * 1_000)
  t.equal(bucketMs(seconds), 1_000)
  let buckets: Bucket[] = []
  for (const [second, amount] of [[0.9, 5n], [1, 7n], [1.5, 1n]] as const) buckets = withAmount(buckets, seconds, at(second), amount)
  t.strictSame(buckets.map(({ total }) => total), ['5', '8'])
  t.strictSame([1.9, 2].map((second) => isUsable(seconds, at(0).getTime(), at(second))), [true, false], 'it is used while its bucket or the next one lasts')
  t.equal(heldIn(buckets, seconds, at(65.9)), 13n, 'all of the window later it still counts')
  t.equal(heldIn(buckets, seconds, at(66)), 8n, 'and not longer')
  t.equal(heldIn(buckets, seconds, at(67)), 0n)
  t.strictSame(withAmount(buckets, seconds, at(66), 2n).map(({ total }) => total), ['8', '2'])
  t.strictSame(withoutAmount(buckets, at(1).getTime(), 7n).map(({ total }) => total), ['5', '1'])
  t.strictSame(withoutAmount(buckets, at(0).getTime(), 5n).map(({ total }) => total), ['8'])
  t.strictSame(withoutAmount(buckets, at(99).getTime(), 5n), buckets, 'what has left gives nothing back')
})

t.test('what had a nonce gives back its sums alone, what had none its counts too', async (t) => {
  const entries = ['r|wallet|60|native|w', 'r|wallet|60|count|w', 'count|wallet|60|0x00|count'].map((key) => ({ key, bucket: 0, amount: '1' }))
  const row = (id: string, ...states: string[]) => ({ id, walletId: 'w', requestId: 'req', reservation: { state: 'releasing', entries }, history: states.map((state) => ({ state, at: new Date(0) })) })
  const given: string[][] = []
  const release = createReleaseWindows({
    noun: 'transaction',
    transactions: { listReleasing: () => Promise.resolve([row('never', 'approved', 'rejected'), row('sent', 'approved', 'assigned', 'cancelled')] as never), markReleased: () => Promise.resolve(true) },
    windows: { giveBack: (back) => { given.push(back.map(({ key }) => key)); return Promise.resolve() } },
    audit: { append: () => Promise.resolve() },
    transact: (work) => work({ session: undefined as never, afterCommit: () => {} })
  })
  t.equal(await release(), 2)
  t.strictSame(given, [entries.map(({ key }) => key), ['r|wallet|60|native|w', 'count|wallet|60|0x00|count']])
})

t.test('those that wait in a line share a transaction, and one that throws undoes nothing of the others', async (t) => {
  let begun = 0
  const transact: Transact = async (work) => {
    begun++
    await Promise.resolve()
    return await work({ session: undefined as never, afterCommit: () => {} })
  }
  const inLine = createInLine({ transact, bounded: (wallet) => wallet !== 'free' })
  const work = (result: number) => async () => {
    if (result === 13) throw new Error('thirteen')
    return await Promise.resolve(result)
  }
  t.strictSame(await Promise.all([1, 2, 3, 4].map((index) => inLine('w', work(index)))), [1, 2, 3, 4])
  t.equal(begun, 2, 'the first goes at once, the others together')
  begun = 0
  const settled = await Promise.allSettled([1, 2, 13, 4].map((index) => inLine('w', work(index))))
  t.match(settled, [{ value: 1 }, { value: 2 }, { reason: /thirteen/ }, { value: 4 }])
  t.equal(begun, 5, 'the group was undone, and each had its own')
  begun = 0
  await Promise.all([1, 2, 3].map((index) => inLine('free', work(index))))
  t.equal(begun, 3, 'without windows nobody waits')
})

t.test('two hundred requests on two signers for a window with room for ten: ten are admitted', async (t) => {
  const house = await world.house(t)
  await setRules(house, free(house, [{ per: 'wallet', seconds: day, max_sum: (10n * ether / 100n).toString(), max_count: 150 }]))
  await Promise.all([house.start(), house.start()])
  const asked = await Promise.allSettled(Array.from({ length: 200 }, async (_none, index) => await ask(house, index % 64, ether / 100n)))
  const refused = asked.flatMap((one) => one.status === 'rejected' ? [one.reason as { kind: unknown, message: string }] : [])
  t.equal(refused.length, 190)
  t.ok(refused.every(({ kind }) => kind === problems.policyDenied), 'refused by the policy')
  t.ok(refused.some(({ message }) => /"free": its window of 100000000000000000 wei in 86400 seconds per wallet has room for 0/.test(message)), 'and the refusal names the window')
  const rows = await house.db.collection('transactions').find({}).toArray()
  t.equal(rows.length, 10, 'nothing else was stored')
  t.equal(await heldBy(house, `free|wallet|${day}|native|${house.wallet.id}`), 10n * ether / 100n)
  t.equal(await heldBy(house, `free|wallet|${day}|count|${house.wallet.id}`), 10n)
  for (const row of rows) await house.reach(row['_id'] as unknown as string, 'confirmed')
  t.equal((await house.sentOnChain()).length, 10)
  t.strictSame(await house.db.collection('transactions').distinct('reservation.state'), ['settled'])
  t.equal((await house.audit({ event: 'transaction.approved' })).length, 10)
})

t.test('forty confirmations on two signers for a window with room for four: four are approved, and the others are rejected for good', async (t) => {
  const house = await world.house(t)
  await setRules(house, free(house, [{ per: 'initiator', seconds: day, max_count: 4 }], { require: { shown_proof: true } }))
  const [signer] = await Promise.all([house.start(), house.start()])
  const ids: string[] = []
  for (let index = 0; index < 40; index++) ids.push((await ask(house, index, ether / 100n)).id)
  await Promise.all(ids.map(async (id) => { await house.confirm(id).catch(() => undefined) }))
  const views = await Promise.all(ids.map(async (id) => await until(async () => {
    const view = await house.get(id)
    if (view.state !== 'awaiting_confirmation') return view
    await house.confirm(id).catch(() => undefined)
    return false
  }, { what: `${id} to be decided`, timeoutMs: patienceMs })))
  t.equal(views.filter(({ state }) => state === 'rejected').length, 36)
  t.match(views.find(({ state }) => state === 'rejected'), { failure: { code: 'policy_denied', detail: /4 calls in 86400 seconds per initiator has room for 0/ } })
  t.equal(await heldBy(house, `free|initiator|${day}|count|${house.userId}`), 4n)
  await signer.stop()
})

t.test('what moved nothing gives its room back, once; what was confirmed keeps it', async (t) => {
  const house = await world.house(t, { funds: ether / 2n })
  const key = `free|wallet|${day}|native|${house.wallet.id}`
  await setRules(house, free(house, [{ per: 'wallet', seconds: day, max_sum: (2n * ether).toString(), max_count: 100 }]))
  await house.start({ CONFIRMATION_TTL_SECONDS: '60' })
  const sent = await ask(house, 0, ether / 10n)
  t.equal(sent.state, 'approved', 'a window within which nothing has to be proved')
  t.notOk(sent.confirmation)
  await house.reach(sent.id, 'confirmed')
  t.equal(house.otp.challenges.size, 0)
  const dear = await ask(house, 1, ether)
  t.equal(await heldBy(house, key), 11n * ether / 10n)
  await t.rejects(ask(house, 2, ether), { kind: problems.policyDenied } as unknown as Error)
  // A freeze ends what has no nonce yet; the first funds let the lane look at it.
  await setRules(house, { name: 'freeze', effect: 'deny' })
  await world.chain.fund(house.wallet.address, 5n * ether)
  await house.reach(dear.id, 'rejected')
  await until(async () => await heldBy(house, key) === ether / 10n, { what: 'the room to be given back', timeoutMs: patienceMs })
  t.equal(await heldBy(house, key.replace('|native|', '|count|')), 1n, 'nor is it counted: it never had a nonce')
  t.match(await house.row(dear.id), { reservation: { state: 'released' } } as object)
  t.equal((await house.audit({ event: 'transaction.room_given_back' })).length, 1)
  t.match(await house.row(sent.id), { reservation: { state: 'settled' } } as object)
})

t.test('asked for, sent, made dearer and cancelled again and again, no more goes than the count allows: each has cost fees', async (t) => {
  const house = await world.house(t)
  const [sum, count] = [`free|wallet|${day}|native|${house.wallet.id}`, `free|wallet|${day}|count|${house.wallet.id}`]
  await setRules(house, free(house, [{ per: 'wallet', seconds: day, max_sum: (2n * ether).toString(), max_count: 3 }]))
  await house.start()
  const stop = async (id: string): Promise<string> => await until(async () => {
    await house.call(cancelTransaction, { ...house.asking, id }).catch(() => undefined)
    const { state = '' } = await house.row(id) ?? {}
    return ['cancelled', 'confirmed'].includes(state) ? state : undefined
  }, { what: 'its end', timeoutMs: patienceMs })
  const ends: string[] = []
  for (let turn = 0; turn < 3; turn++) {
    const { id } = await ask(house, turn, ether / 2n)
    await house.reach(id, 'broadcast')
    await house.call(speedUpTransaction, { ...house.asking, id }).catch(() => undefined)
    ends.push(await stop(id))
  }
  const kept = BigInt(ends.filter((state) => state === 'confirmed').length) * ether / 2n
  await until(async () => await heldBy(house, sum) === kept, { what: 'the sums of what was cancelled', timeoutMs: patienceMs })
  t.equal(await heldBy(house, count), 3n)
  await t.rejects(ask(house, 3, ether / 2n), { kind: problems.policyDenied } as unknown as Error)
})

t.test('a delay is waited for, and then it is decided again', async (t) => {
  const house = await world.house(t)
  const rule = { name: 'slow', effect: 'allow', wallets: [house.wallet.id], destinations: 'any', max_value: ether.toString(), require: { shown_proof: true, delay_seconds: 3 } }
  await setRules(house, rule)
  await house.start()
  const asked = await ask(house, 0, 1n)
  const waiting = await house.confirm(asked.id)
  t.equal(waiting.state, 'awaiting_confirmation')
  t.match(await house.row(asked.id), { missing: ['delay'], proof: { kind: 'email_code' } } as object)
  t.equal((await house.confirm(asked.id)).state, 'awaiting_confirmation', 'a second confirm answers with the state')
  const done = await house.reach(asked.id, 'confirmed')
  const at = (state: string): number => Date.parse(done.history.find((one) => one.state === state)?.at ?? '')
  t.ok(at('approved') - at('received') >= 3_000)
  const other = await ask(house, 1, 1n)
  await house.confirm(other.id)
  await setRules(house, rule, { name: 'freeze', effect: 'deny' })
  t.match(await house.reach(other.id, 'rejected'), { failure: { detail: /freeze/ } })
})
