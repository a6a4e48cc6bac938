/**
 * Deliveries. The row is made, claimed, taken over and dropped in one update by the database's clock, so that two workers, a repeated
 * job and a worker that comes back from the dead agree on who sends. Updates that are wanted at the same time go in one message, each for
 * its own row, and what came of each is read from its row afterwards: a claim is known there by a name of its own.
 */
import { exactly, gather, literally } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import type { Db, Document } from 'mongodb'
import type { Claim, ClaimOutcome, DeliveryState, Sent } from './delivery.ts'

interface DeliveryDocument {
  readonly _id: string
  readonly queue: string
  readonly request_id: string
  readonly state: DeliveryState
  readonly epoch: number
  readonly lease_until: Date
  readonly created_at: Date
  readonly closed_at: Date | null
  /** Why it failed: an SMTP code or a word. */
  readonly reason: string | null
  /** What the last claim that changed the row decided, and which one it was. */
  readonly decision: ClaimOutcome['decision']
  readonly decided_for?: string
  /** The last attempt said that the mail did not go. False from a claim until then: also when its worker was killed. */
  readonly released: boolean
  /** Attempts that began after one whose end nobody knows: that many copies may have arrived too many. */
  readonly doubts: number
  /** Of the last claim: the attempt before it was not released. */
  readonly maybe_again: boolean
}

/** One copy too many may arrive, not two. */
const mostDoubts = 1

export type DeliveryRepository = ReturnType<typeof createDeliveryRepository>

export interface ClaimRequest {
  readonly deliveryId: string
  readonly queue: string
  readonly requestId: string
  readonly usefulUntil: Date
}

export function createDeliveryRepository (db: Db, leaseMs: number) {
  const deliveries = db.collection<DeliveryDocument>('deliveries')
  const ofEpoch = ({ deliveryId, epoch }: Claim) => ({ _id: exactly(deliveryId), epoch: exactly(epoch) })
  const ofClaim = (claim: Claim) => ({ ...ofEpoch(claim), state: 'claimed' as const })

  const rowsOf = async (ids: readonly string[]): Promise<ReadonlyMap<string, DeliveryDocument>> =>
    new Map((await deliveries.find({ _id: { $in: [...ids] } }).toArray()).map((row) => [row._id, row]))

  /** Again, under the same names, changes nothing: whoever has the delivery has it still. */
  const claimAll = gather(async (all: readonly NamedClaim[]) => {
    await deliveries.bulkWrite(all.map((one) => ({ updateOne: { filter: { _id: exactly(one.deliveryId) }, update: claiming(one, leaseMs), upsert: true } })), { ordered: false })
    const rows = await rowsOf(all.map(({ deliveryId }) => deliveryId))
    return all.map(({ deliveryId, name }): ClaimOutcome => {
      const row = rows.get(deliveryId)
      if (row === undefined) throw new Error('the delivery was not written')
      if (row.decided_for !== name) return { decision: row.state === 'claimed' ? 'busy' : 'over' }
      const { decision, epoch } = row
      return decision === 'send' ? { decision, claim: { deliveryId, epoch }, maybeAgain: row.maybe_again } : { decision }
    })
  })

  const sentAll = gather(async (all: readonly Claim[]) => {
    const update = [{ $set: { state: 'sent' as const, closed_at: '$$NOW' } }]
    await deliveries.bulkWrite(all.map((claim) => ({ updateOne: { filter: { ...ofEpoch(claim), state: { $in: ['claimed', 'failed'] } }, update } })), { ordered: false })
    const rows = await rowsOf(all.map(({ deliveryId }) => deliveryId))
    return all.map(({ deliveryId, epoch }): Sent | undefined => {
      const row = rows.get(deliveryId)
      return row?.epoch === epoch && row.state === 'sent' ? { createdAt: row.created_at, sentAt: row.closed_at ?? row.created_at } : undefined
    })
  })

  return {
    claim: (request: ClaimRequest): Promise<ClaimOutcome> => claimAll({ ...request, name: newId('clm') }),

    /** Undefined when another worker has taken over: the mail may then arrive twice. What was given up meanwhile was sent after all. */
    sent: (claim: Claim): Promise<Sent | undefined> => sentAll(claim),

    async fail (claim: Claim, reason: string): Promise<void> {
      await deliveries.updateOne(ofClaim(claim), [{ $set: { state: 'failed', closed_at: '$$NOW', reason: literally(reason) } }])
    },

    /** For a delivery that another worker holds and nobody will ask for again. True when it was open. */
    async giveUp (deliveryId: string, reason: string): Promise<boolean> {
      const { modifiedCount } = await deliveries.updateOne({ _id: exactly(deliveryId), state: 'claimed' }, [{ $set: { state: 'failed', closed_at: '$$NOW', reason: literally(reason) } }])
      return modifiedCount === 1
    },

    /** The mail did not go; whoever tries next need not wait for the lease. */
    async release (claim: Claim, reason: string): Promise<void> {
      await deliveries.updateOne(ofClaim(claim), [{ $set: { lease_until: '$$NOW', released: true, reason: literally(reason) } }])
    },

    /** The mail will not go, and nothing is wrong with that. */
    async drop (claim: Claim, reason: string): Promise<void> {
      await deliveries.updateOne(ofClaim(claim), [{ $set: { state: 'dropped', closed_at: '$$NOW', reason: literally(reason) } }])
    },

    /** An operator wants a failed one tried again. @returns its state before, if there is one */
    async reopen (deliveryId: string): Promise<DeliveryState | undefined> {
      const row = await deliveries.findOneAndUpdate({ _id: exactly(deliveryId) }, [{
        $set: {
          state: { $cond: [{ $eq: ['$state', 'failed'] }, 'claimed', '$state'] },
          closed_at: { $cond: [{ $eq: ['$state', 'failed'] }, null, '$closed_at'] },
          lease_until: { $cond: [{ $eq: ['$state', 'failed'] }, '$$NOW', '$lease_until'] },
          released: { $or: [{ $eq: ['$state', 'failed'] }, '$released'] }
        }
      }])
      return row?.state
    },

    async stateOf (deliveryId: string): Promise<DeliveryState | undefined> {
      return (await deliveries.findOne({ _id: exactly(deliveryId) }, { projection: { state: 1 } }))?.state
    }
  }
}

interface NamedClaim extends ClaimRequest { readonly name: string }

function claiming ({ queue, requestId, usefulUntil, name }: NamedClaim, leaseMs: number): Document[] {
  const decides = (decision: string, then: unknown, otherwise: unknown): Document => ({ $cond: [{ $eq: ['$outcome', decision] }, then, otherwise] })
  const changes = { $in: ['$outcome', ['send', 'late', 'in doubt']] }
  return [
    {
      $set: {
        queue: { $ifNull: ['$queue', literally(queue)] },
        request_id: { $ifNull: ['$request_id', literally(requestId)] },
        state: { $ifNull: ['$state', 'claimed'] },
        epoch: { $ifNull: ['$epoch', 0] },
        lease_until: { $ifNull: ['$lease_until', '$$NOW'] },
        created_at: { $ifNull: ['$created_at', '$$NOW'] },
        closed_at: { $ifNull: ['$closed_at', null] },
        reason: { $ifNull: ['$reason', null] },
        released: { $ifNull: ['$released', true] },
        doubts: { $ifNull: ['$doubts', 0] }
      }
    },
    {
      $set: {
        outcome: {
          $switch: {
            branches: [
              { case: { $ne: ['$state', 'claimed'] }, then: 'over' },
              { case: { $gt: ['$lease_until', '$$NOW'] }, then: 'busy' },
              { case: { $lte: [literally(usefulUntil), '$$NOW'] }, then: 'late' },
              { case: { $and: [{ $not: '$released' }, { $gte: ['$doubts', mostDoubts] }] }, then: 'in doubt' }
            ],
            default: 'send'
          }
        }
      }
    },
    {
      $set: {
        epoch: decides('send', { $add: ['$epoch', 1] }, '$epoch'),
        lease_until: decides('send', { $add: ['$$NOW', literally(leaseMs)] }, '$lease_until'),
        state: decides('late', 'dropped', decides('in doubt', 'failed', '$state')),
        closed_at: decides('late', '$$NOW', decides('in doubt', '$$NOW', '$closed_at')),
        reason: decides('late', 'late', decides('in doubt', 'in doubt', '$reason')),
        maybe_again: decides('send', { $not: '$released' }, '$maybe_again'),
        doubts: { $add: ['$doubts', decides('send', { $cond: ['$released', 0, 1] }, 0)] },
        released: decides('send', false, '$released'),
        decision: { $cond: [changes, '$outcome', '$decision'] },
        decided_for: { $cond: [changes, literally(name), '$decided_for'] }
      }
    },
    { $unset: 'outcome' }
  ]
}
