/** How many commands of one list may run at once. */
export interface Slots {
  readonly free: () => number
  /** Resolves when at least one is free. */
  readonly waitForOne: () => Promise<void>
  readonly occupy: () => void
  readonly release: () => void
  /** Resolves when none is occupied. */
  readonly empty: () => Promise<void>
}

export const createSlots = (count: number): Slots => {
  let occupied = 0
  let waiting: { when: () => boolean, tell: () => void }[] = []
  const waitUntil = async (when: () => boolean): Promise<void> => {
    if (!when()) await new Promise<void>((resolve) => { waiting.push({ when, tell: resolve }) })
  }
  return {
    free: () => count - occupied,
    waitForOne: async () => { await waitUntil(() => occupied < count) },
    occupy: () => { occupied += 1 },
    release: () => {
      occupied -= 1
      if (waiting.length === 0) return
      const ready = waiting.filter(({ when }) => when())
      waiting = waiting.filter((one) => !ready.includes(one))
      ready.forEach(({ tell }) => { tell() })
    },
    empty: async () => { await waitUntil(() => occupied === 0) }
  }
}
