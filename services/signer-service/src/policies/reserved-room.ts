/** Room that a transaction holds since it was approved, held against what the policy wants of windows by now. */
import type { ReservedEntry } from './window-repository.ts'
import type { Reservation, WindowUse } from './windows.ts'

/** Beyond every limit. */
const full = 2n ** 512n

/** To a transaction that was approved, a window that it holds room in is its own, and every other one is full: it takes nothing anew. */
export const useBeside = (entries: readonly ReservedEntry[]): WindowUse => {
  const keys = new Set(entries.map(({ key }) => key))
  return (key) => keys.has(key) ? 0n : full
}

export const covers = (entries: readonly ReservedEntry[], wanted: readonly Reservation[]): boolean =>
  wanted.every(({ key, amount }) => entries.some((entry) => entry.key === key && BigInt(entry.amount) >= amount))
