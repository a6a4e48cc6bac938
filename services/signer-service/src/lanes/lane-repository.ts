/** The lane's row is its lease and its state in one, so that whoever writes under the lease conflicts with whoever takes it over. */
import { createLeases, exactly, literally } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import { laneId, type Lane, type PauseReason, type Refill } from './lane.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'

interface LaneRow {
  readonly _id: string
  readonly nextNonce?: number
  readonly paused?: PauseReason | null
  readonly headNonce?: number
  readonly headSince?: Date
  readonly observedAt?: Date
  readonly lowMailAt?: Date
  readonly least?: string
  readonly refill?: Refill
}

export interface HighestNonces {
  /** That any row of the lane ever held and still names. */
  readonly highestRow: number | undefined
  readonly highestAttempt: number | undefined
  /** The lane's own high-water mark. */
  readonly mark: number
}

export interface Holding { readonly holder: string, readonly epoch: number }

const ensureMs = 1_000

export type LaneRepository = ReturnType<typeof createLaneRepository>

export function createLaneRepository (db: Db) {
  const rows = db.collection<LaneRow>('lanes')
  const leases = createLeases(db, { collection: 'lanes' })

  return {
    async acquire (key: LaneKey, holder: string, ttlMs: number): Promise<Holding | null> {
      const lease = await leases.acquire(laneId(key), holder, ttlMs)
      return lease === null ? null : { holder, epoch: lease.epoch }
    },

    renew: (key: LaneKey, { holder, epoch }: Holding, ttlMs: number) => leases.renew(laneId(key), holder, epoch, ttlMs),
    release: (key: LaneKey, { holder, epoch }: Holding) => leases.release(laneId(key), holder, epoch),

    /** First statement of every transaction that writes for the lane. @throws LeaseLost */
    assert: (key: LaneKey, { holder, epoch }: Holding, unit: Unit) => leases.assert(laneId(key), holder, epoch, unit.session),

    /** Notes the chain's next nonce and how long it has stood there. */
    async observe (key: LaneKey, chainNonce: number): Promise<Lane> {
      const same = { $eq: ['$headNonce', chainNonce] }
      const row = await rows.findOneAndUpdate({ _id: exactly(laneId(key)) }, [{ $set: {
        headSince: { $cond: [same, '$headSince', '$$NOW'] }, headNonce: chainNonce, observedAt: '$$NOW'
      } }], { returnDocument: 'after' })
      const now = row?.observedAt ?? new Date(0)
      return { nextNonce: row?.nextNonce ?? 0, paused: row?.paused ?? null, least: row?.least, headNonce: chainNonce, headForMs: now.getTime() - (row?.headSince ?? now).getTime(), now }
    },

    /** Of a lane that is held. All three in one message, which costs a transfer that goes alone more than what is read. */
    async highestNonces (key: LaneKey, unit: Unit): Promise<HighestNonces> {
      const { chainId, walletId } = key
      const highestIn = (from: string) => ({ $lookup: { from, pipeline: [{ $match: { chainId, walletId, nonce: { $gte: 0 } } }, { $sort: { nonce: -1 } }, { $limit: 1 }, { $project: { nonce: 1 } }], as: from } })
      const [found] = await rows.aggregate<{ nextNonce?: number, transactions: { nonce: number }[], attempts: { nonce: number }[] }>([
        { $match: { _id: exactly(laneId(key)) } }, { $project: { nextNonce: 1 } }, highestIn('transactions'), highestIn('attempts')
      ], { session: unit.session }).toArray()
      if (found === undefined) throw new Error('the lane has no row')
      return { highestRow: found.transactions[0]?.nonce, highestAttempt: found.attempts[0]?.nonce, mark: found.nextNonce ?? 0 }
    },

    /** Raises the high-water mark; never lowers it. */
    async raiseNextNonce (key: LaneKey, nextNonce: number, unit: Unit): Promise<void> {
      await rows.updateOne({ _id: exactly(laneId(key)) }, { $max: { nextNonce } }, { session: unit.session })
    },

    /** @returns whether that changed anything. */
    async setPaused (key: LaneKey, paused: PauseReason | null, unit: Unit): Promise<boolean> {
      const { modifiedCount } = await rows.updateOne(
        { _id: exactly(laneId(key)), paused: { $ne: paused } }, [{ $set: { paused: literally(paused) } }], { session: unit.session })
      return modifiedCount === 1
    },

    /** Wei that the wallet should keep on the chain; undefined when nobody said. */
    async least (key: LaneKey): Promise<string | undefined> {
      return (await rows.findOne({ _id: exactly(laneId(key)) }, { projection: { least: 1 } }))?.least
    },

    async refill (key: LaneKey): Promise<Refill | undefined> {
      return (await rows.findOne({ _id: exactly(laneId(key)) }, { projection: { refill: 1 } }))?.refill
    },

    /** What is not given goes. @param least undefined: what the chain's configuration says. */
    async setReserve (key: LaneKey, { least, refill }: { readonly least: string | undefined, readonly refill: Refill | undefined }, unit: Unit): Promise<void> {
      await rows.updateOne({ _id: exactly(laneId(key)) }, [
        { $set: { least: least === undefined ? '$$REMOVE' : literally(least), refill: refill === undefined ? '$$REMOVE' : literally(refill) } }
      ], { session: unit.session })
    },

    async noteRefill (key: LaneKey, last: string): Promise<void> {
      await rows.updateOne({ _id: exactly(laneId(key)), refill: { $exists: true } }, [{ $set: { 'refill.last': literally(last) } }])
    },

    /** Makes the row of a lane that nobody has held yet, by holding it for a moment. */
    async ensure (key: LaneKey): Promise<void> {
      const lease = await leases.acquire(laneId(key), 'nobody', ensureMs)
      if (lease !== null) await leases.release(laneId(key), 'nobody', lease.epoch)
    },

    /** True once per interval, by the database's clock. */
    async takeMailTurn (key: LaneKey, intervalMs: number, unit: Unit): Promise<boolean> {
      const { modifiedCount } = await rows.updateOne(
        { _id: exactly(laneId(key)), $expr: { $lte: [{ $ifNull: ['$lowMailAt', new Date(0)] }, { $subtract: ['$$NOW', intervalMs] }] } },
        [{ $set: { lowMailAt: '$$NOW' } }], { session: unit.session })
      return modifiedCount === 1
    }
  }
}
