/** Requests that wait for the next move of a transaction. However many wait, a process looks once at a time, for all of them together. */
import type { Logger } from '@countersign/runtime'

export interface MoveWatchDeps {
  /** @param ids at most `mostAtOnce`. @returns how often each has moved; an unknown one may be missing */
  readonly countMoves: (ids: readonly string[]) => Promise<readonly { readonly id: string, readonly moves: number }[]>
  readonly log: Pick<Logger, 'warn'>
  /** Pause between two looks. */
  readonly intervalMs?: number
  /** Requests of a process that may wait; one more is answered at once. */
  readonly most?: number
}

export interface MoveWatch {
  /**
   * @param seen moves that the caller knows of
   * @param signal of a caller that goes away
   * @returns once there are more, the time is over, the caller is gone or the process stops; never throws
   */
  next (id: string, seen: number, ms: number, signal: AbortSignal): Promise<void>
  /** Answers whoever waits, and lets nobody wait any more. */
  close (): void
  /** How many wait. */
  waiting (): number
}

interface Waiter { readonly id: string, readonly seen: number, readonly settle: () => void }

const mostAtOnce = 200

export function createMoveWatch ({ countMoves, log, intervalMs = 250, most = 2_000 }: MoveWatchDeps): MoveWatch {
  const waiters = new Set<Waiter>()
  let looking = false
  let closed = false

  const look = async (): Promise<void> => {
    const ids = [...new Set([...waiters].map(({ id }) => id))]
    const pages = Array.from({ length: Math.ceil(ids.length / mostAtOnce) }, (_none, page) => ids.slice(page * mostAtOnce, (page + 1) * mostAtOnce))
    const counted = new Map((await Promise.all(pages.map(countMoves))).flat().map(({ id, moves }) => [id, moves]))
    for (const { id, seen, settle } of waiters) if ((counted.get(id) ?? 0) > seen) settle()
  }

  const round = (): void => {
    looking = waiters.size > 0
    if (!looking) return
    setTimeout(() => {
      // Who waits has a time of its own, and is answered then.
      look().catch((err: unknown) => { log.warn({ err }, 'moves could not be looked for') }).finally(round)
    }, intervalMs)
  }

  return {
    async next (id, seen, ms, signal) {
      if (closed || waiters.size >= most || signal.aborted) return
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', settle)
          waiters.delete(waiter)
          resolve()
        }
        const timer = setTimeout(settle, ms)
        signal.addEventListener('abort', settle)
        const waiter = { id, seen, settle }
        waiters.add(waiter)
        if (!looking) round()
      })
    },

    close () {
      closed = true
      for (const { settle } of waiters) settle()
    },

    waiting: () => waiters.size
  }
}
