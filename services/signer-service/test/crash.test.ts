/** Killed at every named point, the real process makes each transfer exactly once. A point that is not reached fails. */
import t from 'tap'
import { cancelTransaction } from '@countersign/contracts'
import { crashAt } from './breaking/crashes.ts'
import { faultsIn } from './breaking/storm.ts'
import { crashPointNames, type CrashPointName } from '../src/crash-points.ts'
import { openWorld } from './house.ts'

t.jobs = 5
const timeoutMs = 300_000
// A process that is killed inside a database transaction leaves it open until the server gives it up: after a minute by default.
const world = await openWorld(t, { blockTime: 1, abandonedTransactionSeconds: 2 })

const provoked: readonly CrashPointName[] = ['lane.stuck', 'lane.bumped', 'lane.reorging', 'lane.reorged']
const cancelling: readonly CrashPointName[] = ['cancel.asking', 'cancel.asked', 'lane.wished', 'lane.answered']
const passed = crashPointNames.filter((name) => !provoked.includes(name) && !cancelling.includes(name))
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

t.test(`killed at ${cancelling.join(', ')}`, { buffered: true }, async (t) => {
  const own = await openWorld(t, { abandonedTransactionSeconds: 2 })
  const house = await own.house(t, { env: { LANE_LEASE_SECONDS: '1', LANE_RESEND_SECONDS: '1' } })
  await own.chain.request('evm_setAutomine', [false])
  // Nothing is in a block before each of them has its no-op.
  const cancelAll = async (): Promise<void> => {
    for (const { _id: id } of await house.db.collection<{ _id: string }>('transactions').find({ state: 'broadcast', cancellation: null }).toArray()) {
      await house.call(cancelTransaction, { ...house.asking, id }).catch(() => undefined)
    }
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
