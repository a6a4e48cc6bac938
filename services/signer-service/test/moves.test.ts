/** What can be done about a transaction that was asked for: cancelled, hurried, found. */
import t, { type Test } from 'tap'
import { cancelTransaction, countMoves, listTransactions, problems, speedUpTransaction, TransactionEvent, type TransactionState, type TransactionView } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { Compile } from 'typebox/compile'
import { raised } from '../src/lanes/fees.ts'
import { commandLine } from './command-line.ts'
import { openWorld, patienceMs, patiently, type House } from './house.ts'
import { startScriptedNode } from './scripted-node.ts'

const gwei = 10n ** 9n
const world = await openWorld(t)
const { chain, kms } = world
// Nothing is in a block before somebody makes one.
await chain.request('evm_setAutomine', [false])
const conflict = { kind: problems.stateConflict } as unknown as Error

const cancel = async ({ call, asking }: House, id: string): Promise<TransactionView> => await patiently(async () => await call(cancelTransaction, { ...asking, id }))
const speedUp = async ({ call, asking }: House, id: string, over?: string): Promise<TransactionView> =>
  await patiently(async () => await call(speedUpTransaction, { ...asking, id, ...over !== undefined && { over } }))
const attempts = async ({ get }: House, id: string, count: number): Promise<TransactionView['attempts']> => await until(async () => {
  const { attempts } = await get(id)
  return attempts.length === count && attempts
}, { what: `${count} attempts`, timeoutMs: patienceMs })
/** Blocks are made until it is there. */
const minedUntil = async (house: House, id: string, state: TransactionState): Promise<TransactionView> => await until(async () => {
  await chain.mine()
  const view = await house.get(id)
  return view.state === state && view
}, { what: `${id} to be ${state}`, timeoutMs: patienceMs, everyMs: 400 })
const higher = (t: Test, [old, fresh]: TransactionView['attempts']): void => {
  for (const fee of ['max_fee_per_gas', 'max_priority_fee_per_gas'] as const) t.ok(BigInt(fresh?.[fee] ?? 0) >= raised(BigInt(old?.[fee] ?? 0)), fee)
}

t.test('before anything is signed it is cancelled in the answer, by whoever asked or by the operator', async (t) => {
  const house = await world.house(t, { funds: 0n })
  await house.start()
  const command = commandLine(house.settings)
  const [asked, approved, byOperator] = [await house.request(0), await house.approve(1), await house.request(2)]
  await t.rejects(house.call(cancelTransaction, { user_id: newId('usr'), session_id: newId('ses'), id: asked.id }), { kind: problems.notFound } as unknown as Error)
  await t.rejects(speedUp(house, approved), conflict)
  for (const id of [asked.id, approved]) {
    t.match(await cancel(house, id), { state: 'cancelled', failure: { code: 'cancelled' }, attempts: [] })
    t.match(await cancel(house, id), { state: 'cancelled' }, 'again')
    t.equal((await house.audit({ event: 'transaction.cancelled', subject: id, actor: house.userId })).length, 1)
  }
  t.match(await house.confirm(asked.id), { state: 'cancelled' }, 'confirmed too late')
  t.match((await command('transactions', 'cancel', byOperator.id, '--json')).json(), { state: 'cancelled', to_be_cancelled: false })
  t.equal((await house.audit({ subject: byOperator.id, actor: 'operator' })).length, 1)
  t.match(await command('transactions', 'cancel', newId('tx')), { code: 1, err: /there is no transaction/ })
})

t.test('what is on its way is outbid at its nonce, raised, and becomes what is mined', async (t) => {
  const node = await startScriptedNode(t, chain.rpcUrl)
  const house = await world.house(t, { rpcUrl: node.url, env: { LANE_RESEND_SECONDS: '2' } })
  await house.start()
  const command = commandLine(house.settings)
  const sending = async (index: number): Promise<string> => {
    const id = await house.approve(index)
    await house.reach(id, 'broadcast')
    return id
  }

  const [stopped, behind] = [await sending(0), await sending(1)]
  t.match(await cancel(house, stopped), { cancellation: { asked_by: house.userId }, state: 'broadcast' })
  const outbid = await attempts(house, stopped, 2)
  t.match(outbid, [{ kind: 'first' }, { kind: 'noop', because: 'cancel', nonce: 0 }])
  higher(t, outbid)
  await cancel(house, stopped)
  await t.rejects(speedUp(house, stopped), conflict)
  t.match(await minedUntil(house, stopped, 'cancelled'), { failure: { code: 'cancelled' }, hash: outbid[1]?.hash, attempts: [{ state: 'replaced' }, { state: 'mined' }] })
  await house.reach(behind, 'confirmed')
  t.match(await cancel(house, stopped), { state: 'cancelled' })
  await t.rejects(cancel(house, behind), conflict)
  t.equal((await command('transactions', 'cancel', behind)).code, 1)
  t.match(await speedUp(house, behind), { state: 'confirmed' })
  t.strictSame((await house.audit({ subject: stopped, event: /cancel/ })).map(({ event }) => event as string), ['transaction.cancel_asked', 'transaction.cancelled'])

  const slow = await sending(2)
  const [first] = await attempts(house, slow, 1)
  await speedUp(house, slow, first?.hash)
  const faster = await attempts(house, slow, 2)
  t.match(faster, [{}, { kind: 'replacement', nonce: 2 }])
  higher(t, faster)
  await speedUp(house, slow, first?.hash)
  await t.rejects(speedUp(house, slow, `0x${'0'.repeat(64)}`), conflict)
  t.equal(await house.db.collection('transactions').countDocuments({ 'speedUp.over': first?.hash ?? '' }), 1)
  t.match(await minedUntil(house, slow, 'confirmed'), { hash: faster[1]?.hash }, 'raised once, however often that was asked for')

  const told = async (id: string): Promise<TransactionEvent[]> =>
    (await house.db.collection<{ payload: TransactionEvent }>('events').find({ 'payload.data.transaction_id': id }).sort({ 'payload.id': 1 }).toArray()).map(({ payload }) => payload)
  const [eventsOfStopped, eventsOfSlow] = [await told(stopped), await told(slow)]
  t.strictSame(eventsOfStopped.map(({ type }) => type), ['accepted', 'waiting', 'approved', 'sent', 'mined', 'cancelled'].map((name) => `transaction.${name}`))
  t.strictSame(eventsOfSlow.map(({ data: { hash } }) => hash), [undefined, undefined, undefined, first?.hash, faster[1]?.hash, faster[1]?.hash])
  const event = Compile(TransactionEvent)
  t.ok([...eventsOfStopped, ...eventsOfSlow].every((one) => event.Check(one)))

  // The wish comes too late: the no-op does not get out.
  const kept = await sending(3)
  node.script = ({ method }) => method === 'eth_sendRawTransaction' ? 'drop' : undefined
  t.match((await command('transactions', 'cancel', kept, '--json')).json(), { to_be_cancelled: true })
  const [original] = await attempts(house, kept, 2)
  t.match(await minedUntil(house, kept, 'confirmed'), { hash: original?.hash, cancellation: { asked_by: 'operator' } }, 'what is mined decides')
  t.match(await cancel(house, kept), { state: 'confirmed' })

  const lost = await house.approve(4)
  await house.reach(lost, 'signed')
  await cancel(house, lost)
  await attempts(house, lost, 2)
  await chain.request('anvil_impersonateAccount', [house.wallet.address])
  await chain.request('eth_sendTransaction', [{ from: house.wallet.address, to: '0x000000000000000000000000000000000000bEEF', value: '0x1' }])
  t.match(await minedUntil(house, lost, 'cancelled'), { attempts: [{ state: 'dead' }, { state: 'dead' }] }, 'no new nonce for what nobody wants')
  node.script = () => undefined

  kms.faults.set({ deny: ['Sign'] })
  const unsigned = await house.approve(5)
  await house.reach(unsigned, 'assigned')
  t.match(await cancel(house, unsigned), { state: 'cancelled', attempts: [] })
  kms.faults.clear()
  await minedUntil(house, await house.approve(6), 'confirmed')
  const { wallet: { address }, destination } = house
  t.strictSame((await house.sentOnChain()).filter(({ value }) => value !== 1n).map(({ to, nonce }) => [to, nonce]), [[address, 0], [destination(1), 1], [destination(2), 2], [destination(3), 3], [address, 5], [destination(6), 6]])
})

t.test('fees rise up to what was confirmed and no further; what stands there can be cancelled all the same', async (t) => {
  const house = await world.house(t, { maxFeeTotal: 21_000n * 6n * gwei })
  await house.start()
  const id = await house.approve(0)
  await house.reach(id, 'broadcast')
  let made = 1
  const limit = { kind: problems.feeLimitReached, message: /max_fee_total allows 6000000000\. / }
  for (; made < 30; made++) {
    if (await speedUp(house, id).then(() => false, (problem: unknown) => t.match(problem, limit))) break
    await attempts(house, id, made + 1)
  }
  t.ok(made > 1 && made < 30, `${made} attempts`)
  await cancel(house, id)
  const all = await attempts(house, id, made + 1)
  higher(t, all.slice(-2))
  t.ok(all.slice(0, -1).every(({ max_fee_per_gas: fee }) => BigInt(fee) <= 6n * gwei))
  await minedUntil(house, id, 'cancelled')
})

t.test('a list is narrowed by what stands in an index, page by page, and a cursor goes on with the same list alone', async (t) => {
  const house = await world.house(t)
  await house.start()
  const ids: string[] = []
  for (const index of [0, 1, 0, 1, 0]) ids.push((await house.request(index)).id)
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = ids
  await cancel(house, third)
  const list = async (filter: object, limit = 10) => await house.call(listTransactions, { ...house.asking, limit, ...filter })
  const found = async (filter: object): Promise<string[]> => (await list(filter)).data.map(({ id }) => id)
  t.strictSame(await found({}), [...ids].reverse())
  t.strictSame(await found({ state: 'cancelled' }), [third])
  t.strictSame(await found({ state: 'awaiting_confirmation', destination: house.destination(0).toLowerCase() }), [fifth, first])
  t.strictSame(await found({ wallet_id: house.wallet.id, chain_id: 31337, destination: house.destination(1) }), [fourth, second])
  for (const none of [{ wallet_id: newId('wal') }, { chain_id: 1 }, { state: 'failed' }, { destination: house.wallet.address }]) t.strictSame(await found(none), [])
  const { created_at: since } = await house.get(second)
  const { created_at: until } = await house.get(fourth)
  t.strictSame(await found({ since, until }), [third, second])
  t.strictSame([...await found({ since: until }), ...await found({ until: since })], [fifth, fourth, first])
  await t.rejects(list({ destination: house.destination(0).replace(/[a-f]/, (letter) => letter.toUpperCase()).replace(/D/, 'd') }), { kind: problems.schemaViolation } as unknown as Error)

  const page = await list({ destination: house.destination(0), until }, 1)
  t.strictSame(page.data.map(({ id }) => id), [third])
  const cursor = page.next_cursor ?? ''
  t.match(await list({ destination: house.destination(0), until, cursor }, 1), { data: [{ id: first }], next_cursor: null })
  await t.rejects(list({ destination: house.destination(0), cursor }), { kind: problems.schemaViolation } as unknown as Error)

  const transactions = house.db.collection('transactions')
  for (const narrowed of [{ walletId: house.wallet.id }, { chainId: 31337 }, { destinations: house.destination(0) }, { state: { $eq: 'cancelled' } }, {}]) {
    const { queryPlanner: { winningPlan }, executionStats } = await transactions.find({ initiator: house.userId, ...narrowed }, { sort: { _id: -1 }, limit: 1 }).explain('executionStats') as { queryPlanner: { winningPlan: object }, executionStats: { totalDocsExamined: number } }
    t.notMatch(JSON.stringify(winningPlan), /"SORT"/, Object.keys(narrowed).join())
    t.equal(executionStats.totalDocsExamined, 1)
  }
  t.strictSame((await house.call(countMoves, { ids: [first, third, newId('tx')] })).moves.sort((a, b) => a.moves - b.moves), [{ id: first, moves: 2 }, { id: third, moves: 3 }])
})
