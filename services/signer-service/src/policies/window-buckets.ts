/**
 * What one rolling window holds, in buckets of time. An entry may be used as long as its bucket or the next one lasts, and a bucket counts
 * until both have left the window, so that never more than the limit moves in any stretch of the window's length; an entry leaves up to two
 * sixty-fourths late for that.
 */

export interface Bucket {
  /** Milliseconds since the epoch at which it begins. */
  readonly at: number
  /** Decimal: sums are beyond what a double or a Decimal128 holds exactly. */
  readonly total: string
}

const parts = 64

export const bucketMs = (seconds: number): number => Math.ceil(seconds * 1_000 / parts)
export const bucketAt = (seconds: number, at: Date): number => Math.floor(at.getTime() / bucketMs(seconds)) * bucketMs(seconds)

/** How long after its beginning a bucket is to be used up. */
const useMs = (seconds: number): number => 2 * bucketMs(seconds)
/** How long after its beginning a bucket counts. */
export const lifeMs = (seconds: number): number => seconds * 1_000 + useMs(seconds)

const alive = (seconds: number, at: Date) => ({ at: start }: Bucket): boolean => start + lifeMs(seconds) > at.getTime()

/** @returns whether what was put into that bucket may move now as it stands. */
export const isUsable = (seconds: number, start: number, at: Date): boolean => at.getTime() < start + useMs(seconds)

/** @returns the sum that the window holds at that moment. */
export const heldIn = (buckets: readonly Bucket[], seconds: number, at: Date): bigint =>
  buckets.filter(alive(seconds, at)).reduce((sum, { total }) => sum + BigInt(total), 0n)

/** What has left the window is dropped. @returns the buckets with the amount in that of the moment. */
export function withAmount (buckets: readonly Bucket[], seconds: number, at: Date, amount: bigint): Bucket[] {
  const start = bucketAt(seconds, at)
  const before = buckets.find((bucket) => bucket.at === start)
  return [...buckets.filter((bucket) => bucket.at !== start && alive(seconds, at)(bucket)), { at: start, total: (BigInt(before?.total ?? 0) + amount).toString() }]
}

/** @returns the buckets without the amount that was put into this one; what has left meanwhile gives nothing back. */
export const withoutAmount = (buckets: readonly Bucket[], start: number, amount: bigint): Bucket[] => buckets.flatMap((bucket) => {
  if (bucket.at !== start) return [bucket]
  const rest = BigInt(bucket.total) - amount
  return rest > 0n ? [{ ...bucket, total: rest.toString() }] : []
})
