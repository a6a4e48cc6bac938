/** Recurring work of a process: one round after the other, each a pause after the end of the one before. A round that fails hinders no later one. */
import type { Logger } from '@countersign/runtime'

export interface IntervalLoopOptions {
  readonly round: (signal: AbortSignal) => Promise<void>
  /** For the log, when a round failed. */
  readonly failed: string
  readonly intervalMs: number
  readonly log: Logger
}

export function startIntervalLoop ({ round, failed, intervalMs, log }: IntervalLoopOptions): { close: () => Promise<void> } {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const turn = async (): Promise<void> => {
    try {
      await round(stop.signal)
    } catch (error) {
      log.warn({ err: error }, failed)
    }
    if (!stop.signal.aborted) timer = setTimeout(() => { running = turn() }, intervalMs)
  }
  running = turn()

  return {
    async close () {
      stop.abort()
      clearTimeout(timer)
      await running
    }
  }
}
