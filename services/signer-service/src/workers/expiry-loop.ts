/** Moves what is past its end, over and over. Any number of processes may do it: each row moves once. */
import type { Logger } from '@countersign/runtime'

export interface ExpiryLoopOptions {
  readonly expireTransactions: () => Promise<number>
  readonly intervalMs: number
  readonly log: Logger
}

export function startExpiryLoop ({ expireTransactions, intervalMs, log }: ExpiryLoopOptions): { close: () => Promise<void> } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const round = async (): Promise<void> => {
    try {
      const expired = await expireTransactions()
      if (expired > 0) log.info({ expired }, 'transactions expired')
    } catch (error) {
      log.warn({ err: error }, 'expired transactions could not be moved')
    }
    if (!stopped) timer = setTimeout(() => { running = round() }, intervalMs)
  }
  running = round()

  return {
    async close () {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}
