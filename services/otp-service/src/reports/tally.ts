/** What is counted of codes: by the day on which each was asked for (UTC) and its purpose, all of it, whatever becomes of it later. */

/** Of a challenge whose code was sent; one that was sent again is one. */
export interface CodeRow {
  readonly purpose: string
  readonly createdAt: Date
  /** Of the code that was current at the end. */
  readonly lastSentAt: Date
  readonly consumedAt: Date | null
  /** It may still be answered. */
  readonly isPending: boolean
}

export interface Tally {
  /** YYYY-MM-DD */
  readonly day: string
  readonly purpose: string
  readonly generated: number
  readonly verified: number
  readonly pending: number
  /** Over all that were verified, from sending to the right answer. */
  readonly verifyMs: number
  /** How many were asked for in each hour of the day. */
  readonly hours: readonly number[]
}

export function tally (rows: Iterable<CodeRow>): Tally[] {
  const all = new Map<string, { -readonly [field in keyof Tally]: field extends 'hours' ? number[] : Tally[field] }>()
  for (const { purpose, createdAt, lastSentAt, consumedAt, isPending } of rows) {
    const day = createdAt.toISOString().slice(0, 10)
    const found = all.get(`${day}:${purpose}`) ?? { day, purpose, generated: 0, verified: 0, pending: 0, verifyMs: 0, hours: Array.from({ length: 24 }, () => 0) }
    all.set(`${day}:${purpose}`, found)
    const hour = createdAt.getUTCHours()
    found.generated++
    found.hours[hour] = (found.hours[hour] ?? 0) + 1
    if (isPending) found.pending++
    if (consumedAt !== null) {
      found.verified++
      found.verifyMs += Math.max(0, consumedAt.getTime() - lastSentAt.getTime())
    }
  }
  return [...all.values()]
}
