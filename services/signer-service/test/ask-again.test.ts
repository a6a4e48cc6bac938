/** What waits in its lane is held against the policy and the principal of the moment in which it gets its nonce. */
import t from 'tap'
import { newId } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { intentDigest } from '../src/chain/intent-digest.ts'
import { createEndDelays } from '../src/approvals/end-delays.ts'
import { bucketMs, heldIn, type Bucket } from '../src/policies/window-buckets.ts'
import { createReleaseWindows } from '../src/policies/release-windows.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { createGrantPrincipal } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import { intentOf } from '../src/transactions/intent.ts'
import type { Transaction } from '../src/transactions/transaction.ts'
import type { Transact, Unit } from '../src/unit.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'

type TransactionRow = Omit<Transaction, 'id'> & { readonly _id: string }

t.jobs = 3
const world = await openWorld(t, { blockTime: 1 })

const setRules = async (house: House, ...rules: object[]): Promise<void> => {
  await house.withParts(async (parts) => {
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules }, checksummed))
  })
}
/** The same user, whose factors an operator checked anew. */
const grantAnew = async (house: House, factorRoot: string): Promise<void> => {
  await house.withParts(async (parts) => {
    await createGrantPrincipal({ ...parts, principals: createPrincipalRepository(parts.mongo.db), wallets: createWalletRepository(parts.mongo.db) })({ userId: house.userId, walletIds: [house.wallet.id], factorRoot })
  })
}

t.test('what a newer policy wants of it ends what was approved without it; the others go', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const window = { per: 'wallet', seconds: 86_400, max_sum: ether.toString(), max_count: 100 }
  const free = { name: 'free', effect: 'allow', wallets: [house.wallet.id], destinations: 'any', max_value: ether.toString(), max_fee_total: (ether / 100n).toString(), windows: [window], require: {} }
  await setRules(house, free)
  await house.start()
  const ids: string[] = []
  for (let index = 0; index < 5; index++) ids.push((await house.request(index, { value: 1n })).id)
  const [proof, approval, delay, limit, unchanged] = ids as [string, string, string, string, string]
  t.strictSame(await house.db.collection('transactions').distinct('state'), ['approved'])
  const on = (index: number) => ({ destinations: [house.destination(index)] })
  await setRules(house, free,
    { name: 'proof by now', effect: 'require', ...on(0), require: { shown_proof: true } },
    { name: 'approval by now', effect: 'require', ...on(1), require: { approvals: { least: 1, of: [newId('usr')] } } },
    { name: 'delay by now', effect: 'require', ...on(2), require: { delay_seconds: 86_400 } },
    { name: 'limit by now', effect: 'limit', ...on(3), windows: [{ per: 'wallet', seconds: 60, max_count: 100 }] })
  await world.chain.fund(house.wallet.address, ether)
  t.match(await house.reach(proof, 'rejected'), { failure: { code: 'policy_denied', detail: /"free".*: proof\./ } })
  t.match(await house.reach(approval, 'rejected'), { failure: { code: 'policy_denied', detail: /"free".*: approvals\./ } })
  t.match(await house.reach(delay, 'rejected'), { failure: { code: 'policy_denied', detail: /"free".*: delay\./ } })
  t.match(await house.reach(limit, 'rejected'), { failure: { code: 'policy_denied', detail: /"limit by now"/ } })
  await house.reach(unchanged, 'confirmed')
  t.equal((await house.sentOnChain()).length, 1)
  t.match(await house.audit({ event: 'transaction.rejected', subject: proof }), [{ facts: { reason: 'missing', missing: ['proof'], policy_version: 3, rule: 'free' } }])
})

t.test('a proof is worth nothing once its user was granted anew with other factors: neither to what waits for time, nor in its lane', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const rule = { name: 'proved', effect: 'allow', wallets: [house.wallet.id], destinations: [house.destination(0)], max_value: ether.toString(), require: { shown_proof: true } }
  const slow = (seconds: number) => ({ ...rule, name: 'slow', destinations: [house.destination(1)], require: { shown_proof: true, delay_seconds: seconds } })
  await setRules(house, rule, slow(86_400))
  await house.start()
  const queued = (await house.request(0, { value: 1n })).id
  const delayed = (await house.request(1, { value: 1n })).id
  t.equal((await house.confirm(queued)).state, 'approved')
  t.equal((await house.confirm(delayed)).state, 'awaiting_confirmation')
  await grantAnew(house, randomToken(32))
  // A day later.
  await setRules(house, rule, slow(1))
  await house.db.collection<{ _id: string }>('transactions').updateOne({ _id: delayed }, { $set: { notBefore: new Date(0) } })
  await until(async () => (await house.audit({ event: 'transaction.waiting', subject: delayed })).length === 1, { what: 'the delay to end', timeoutMs: patienceMs })
  t.match(await house.row(delayed), { state: 'awaiting_confirmation', missing: ['proof'] } as object)
  await world.chain.fund(house.wallet.address, ether)
  t.match(await house.reach(queued, 'rejected'), { failure: { code: 'policy_denied', detail: /proof/ } })
  t.equal((await house.sentOnChain()).length, 0)
})

t.test('a row that was changed in the database is never signed, with its digest or without, and its lane pauses', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n, env: { OPERATOR_EMAIL: 'ops@example.com' } })
  await house.start()
  const [edited, forged] = [await house.approve(0), await house.approve(1)]
  const rows = house.db.collection<TransactionRow>('transactions')
  await rows.updateOne({ _id: edited }, { $set: { to: house.destination(9) } })
  const { _id: id = '', ...rest } = { ...await rows.findOneAndUpdate({ _id: forged }, { $set: { value: ether.toString() } }, { returnDocument: 'after' }) as TransactionRow }
  await rows.updateOne({ _id: forged }, { $set: { digest: intentDigest(intentOf('test-deployment', { id, ...rest })) } })
  await world.chain.fund(house.wallet.address, 10n * ether)
  await until(() => [edited, forged].every((id) => house.logs.lines().some((line) => line['transaction'] === id && /not what was confirmed/.test(String(line['msg'])))), { what: 'both to be refused', timeoutMs: patienceMs })
  t.equal((await house.sentOnChain()).length, 0)
  t.strictSame([await house.row(edited), await house.row(forged)].map((row) => row?.state), ['assigned', 'assigned'], 'they stay for whoever looks into it')
  await until(async () => (await house.audit({ event: 'lane.paused', 'facts.reason': 'altered' })).length === 1, { what: 'the lane to pause', timeoutMs: patienceMs })
  t.match(await house.audit({ event: 'lane.paused', 'facts.reason': 'altered' }), [{ walletId: house.wallet.id, facts: { reason: 'altered', transactions: [edited, forged].sort() } }])
  t.equal(await house.db.collection('outbox').countDocuments({ queue: 'mail-signer' }), 2, 'and the operator is told, once, beside of the wallet that was empty')
  const next = await house.approve(2)
  await until(async () => (await house.db.collection('lanes').findOne({ paused: 'altered' })) !== null, { what: 'the lane to stay paused', timeoutMs: patienceMs })
  t.equal((await house.row(next))?.state, 'approved', 'nothing new goes')
})

t.test('what cannot be moved holds up none of those behind it', async (t) => {
  const transact: Transact = async (work) => await work({ afterCommit: () => {} } as unknown as Unit)
  const moved: string[] = []
  const rows = ['broken', 'whole'].map((id) => ({ id, state: 'awaiting_confirmation', value: '0', maxFeeTotal: '0', reservation: { state: 'releasing', entries: [] } }) as unknown as Transaction)
  const failing = async (id: string): Promise<void> => {
    if (id === 'broken') throw new Error('broken')
    moved.push(id)
  }
  const endDelays = createEndDelays({
    transact,
    transactions: { listDelayed: async () => rows, find: async (id) => rows.find((row) => row.id === id) },
    admitRow: async () => ({ admitted: true }) as never,
    advance: async (_unit, { id }) => { await failing(id); return undefined },
    recordMove: undefined as never
  })
  await t.rejects(endDelays(), /broken/, 'the loop tells of it')
  const releaseWindows = createReleaseWindows({
    noun: 'transaction',
    transact,
    transactions: { listReleasing: async () => rows, markReleased: async (id) => { await failing(id); return true } },
    windows: { giveBack: async () => {} },
    audit: { append: async () => {} } as never
  })
  await t.rejects(releaseWindows(), /broken/)
  t.strictSame(moved, ['whole', 'whole'])
})

t.test('what was approved in one window after another does not leave in one: room counts from the moment in which it is used', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const seconds = 3_600
  await setRules(house, {
    name: 'free', effect: 'allow', wallets: [house.wallet.id], destinations: 'any', max_value: ether.toString(), max_fee_total: (ether / 100n).toString(),
    windows: [{ per: 'wallet', seconds, max_sum: ether.toString(), max_count: 2 }], require: { wait_seconds: 86_400 }
  })
  await house.start()
  const windows = house.db.collection<{ _id: string, buckets: Bucket[] }>('windows')
  /** As if all that is approved, and the windows, were so much older. */
  const later = async (): Promise<void> => {
    const ms = bucketMs(seconds) * 128
    await windows.updateMany({}, [{ $set: { buckets: { $map: { input: '$buckets', in: { at: { $subtract: ['$$this.at', ms] }, total: '$$this.total' } } }, revision: { $add: ['$revision', 1] } } }])
    await house.db.collection('transactions').updateMany({ state: 'approved' }, [{ $set: { 'reservation.entries': { $map: { input: '$reservation.entries', in: { $mergeObjects: ['$$this', { bucket: { $subtract: ['$$this.bucket', ms] } }] } } } } }])
  }
  const two = async (from: number): Promise<string[]> => [(await house.request(from, { value: 1n })).id, (await house.request(from + 1, { value: 1n })).id]
  const first = await two(0)
  await later()
  const second = await two(2)
  await world.chain.fund(house.wallet.address, ether)
  for (const id of second) await house.reach(id, 'confirmed')
  await until(() => house.logs.text().includes('their windows are full by now'), { what: 'the others to wait', timeoutMs: patienceMs })
  t.strictSame(await Promise.all(first.map(async (id) => (await house.row(id))?.state)), ['approved', 'approved'])
  t.equal((await house.sentOnChain()).length, 2)
  await later()
  for (const id of first) await house.reach(id, 'confirmed')
  t.equal((await house.sentOnChain()).length, 4)
  const count = await windows.findOne({ _id: `free|wallet|${seconds}|count|${house.wallet.id}` })
  t.equal(heldIn(count?.buckets ?? [], seconds, new Date()), 2n, 'they count from now on')
  await t.rejects(house.request(4, { value: 1n }), /has room for 0/)
})
