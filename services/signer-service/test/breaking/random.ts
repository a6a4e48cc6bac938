/** Chance that can be had again: the same seed breaks the same things in the same order. */
export interface Random {
  readonly seed: number
  /** From 0 up to and without 1. */
  next (): number
  /** From `least` to `most`, both included. */
  between (least: number, most: number): number
  pick<T> (from: readonly T[]): T
}

/** mulberry32. */
export function createRandom (seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed, next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T
  }
}
