/**
 * Room is taken when a transaction is approved, and used when it gets its nonce. Of one that waited in between, the room moves on to the
 * moment in which it is used: else what was approved in many windows, one after another, would leave in one.
 */
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { Countersigned } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import { bucketAt, heldIn, isUsable, withAmount, withoutAmount } from './window-buckets.ts'
import type { ReservedEntry, WindowRepository } from './window-repository.ts'
import type { Reservation } from './windows.ts'

export interface RenewRoomDeps {
  readonly windows: Pick<WindowRepository, 'held' | 'replace'>
  readonly transactions: Pick<CountersignedRepository<Countersigned>, 'keepEntries'>
}

export interface RoomUse {
  readonly row: Pick<Countersigned, 'id' | 'reservation'>
  /** What the policy wants of windows now; the row has reserved it. */
  readonly wanted: readonly Reservation[]
}

/**
 * Those that were approved a moment ago cost no round trip.
 * @param at the database's time.
 * @returns ids of those that have no room now, and keep what they hold.
 */
export type RenewRoom = (unit: Unit, at: Date, uses: readonly RoomUse[]) => Promise<ReadonlySet<string>>

export const createRenewRoom = ({ windows, transactions }: RenewRoomDeps): RenewRoom => async (unit, at, uses) => {
  const old = uses.map(({ row, wanted }) => ({ row, moves: movesOf(row.reservation?.entries ?? [], wanted, at) })).filter(({ moves }) => moves.length > 0)
  if (old.length === 0) return new Set()
  const held = await windows.held([...new Set(old.flatMap(({ moves }) => moves.map(({ entry: { key } }) => key)))], at, unit)
  const changed = new Map<string, { readonly seconds: number, readonly buckets: ReturnType<typeof withAmount> }>()
  const renewed = new Map<string, readonly ReservedEntry[]>()
  for (const { row, moves } of old) {
    const after = moves.map(({ entry: { key, bucket, amount }, seconds, limit }) => {
      const others = withoutAmount(changed.get(key)?.buckets ?? held.rows.get(key)?.buckets ?? [], bucket, BigInt(amount))
      return { key, seconds, fits: heldIn(others, seconds, at) + BigInt(amount) <= limit, buckets: withAmount(others, seconds, at, BigInt(amount)) }
    })
    if (!after.every(({ fits }) => fits)) continue
    for (const { key, seconds, buckets } of after) changed.set(key, { seconds, buckets })
    const moved = new Map(moves.map(({ entry: { key }, seconds }) => [key, bucketAt(seconds, at)]))
    renewed.set(row.id, (row.reservation?.entries ?? []).map((entry) => ({ ...entry, bucket: moved.get(entry.key) ?? entry.bucket })))
  }
  if (renewed.size > 0) {
    await windows.replace(changed, held, unit)
    await transactions.keepEntries(renewed, unit)
  }
  return new Set(old.flatMap(({ row: { id } }) => renewed.has(id) ? [] : [id]))
}

const movesOf = (entries: readonly ReservedEntry[], wanted: readonly Reservation[], at: Date) => wanted.flatMap(({ key, seconds, limit }) => {
  const entry = entries.find((one) => one.key === key)
  return entry === undefined || isUsable(seconds, entry.bucket, at) ? [] : [{ entry, seconds, limit }]
})
