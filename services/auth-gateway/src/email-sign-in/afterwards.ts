/** Work that no answer waits for: it is not lost when the process stops in good order, and tells nobody anything by how long it takes. */
import type { Logger } from '@countersign/runtime'

export interface Afterwards {
  readonly start: (what: string, work: () => Promise<unknown>) => void
  /** Waits for what is running. */
  readonly close: () => Promise<void>
}

export function createAfterwards ({ log }: { readonly log: Pick<Logger, 'warn'> }): Afterwards {
  const running = new Set<Promise<unknown>>()
  return {
    start (what, work) {
      const done = work()
        .catch((error: unknown) => { log.warn({ err: error, what }, 'something was left undone after an answer') })
        .finally(() => running.delete(done))
      running.add(done)
    },
    async close () {
      await Promise.all(running)
    }
  }
}
