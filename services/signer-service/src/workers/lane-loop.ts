/** Finds lanes that have work and holds each of them, woken by approvals and by a short interval. */
import type { Logger } from '@countersign/runtime'

export interface LaneLoopKey { readonly chainId: number, readonly walletId: string }

export interface LaneLoopOptions {
  readonly lanesWithWork: () => Promise<readonly LaneLoopKey[]>
  /** Runs until the lane is idle, lost or stopped; never throws. */
  readonly holdLane: (key: LaneLoopKey, given: { readonly signal: AbortSignal, readonly nudged: () => Promise<void> }) => Promise<void>
  readonly pollMs: number
  readonly log: Logger
}

export interface LaneLoop {
  /** Something was approved for this lane. */
  nudge (key: LaneLoopKey): void
  /** Waits for the rounds that run, then gives their lanes back. */
  close (): Promise<void>
}

interface Held { done: Promise<void>, wake: () => void }

const nameOf = ({ chainId, walletId }: LaneLoopKey): string => `${chainId}:${walletId}`

export function startLaneLoop ({ lanesWithWork, holdLane, pollMs, log }: LaneLoopOptions): LaneLoop {
  const stop = new AbortController()
  const held = new Map<string, Held>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const hold = (key: LaneLoopKey): void => {
    const name = nameOf(key)
    if (held.has(name) || stop.signal.aborted) return
    const entry: Held = { done: Promise.resolve(), wake: () => {} }
    const nudged = (): Promise<void> => new Promise((resolve) => { entry.wake = resolve })
    held.set(name, entry)
    entry.done = holdLane(key, { signal: stop.signal, nudged }).finally(() => { held.delete(name) })
  }

  const look = async (): Promise<void> => {
    try {
      for (const key of await lanesWithWork()) hold(key)
    } catch (error) {
      log.warn({ err: error }, 'lanes could not be listed')
    }
    if (!stop.signal.aborted) timer = setTimeout(() => { looking = look() }, pollMs)
  }
  looking = look()

  return {
    nudge: (key) => {
      const entry = held.get(nameOf(key))
      if (entry === undefined) hold(key)
      else entry.wake()
    },
    async close () {
      stop.abort()
      clearTimeout(timer)
      await looking
      await Promise.all([...held.values()].map(({ done }) => done))
    }
  }
}
