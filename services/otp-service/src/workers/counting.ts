/** Has ended challenges counted once in a while; how late it is changes no report. */
import type { Logger } from '@countersign/runtime'
import type { CountEnded } from '../reports/count-ended.ts'

export interface CountingOptions {
  readonly countEnded: CountEnded
  readonly log: Logger
  readonly intervalMs?: number
}

export function startCounting ({ countEnded, log, intervalMs = 600_000 }: CountingOptions): { close (): Promise<void> } {
  const round = async (): Promise<void> => {
    try {
      const counted = await countEnded()
      if (counted > 0) log.info({ counted }, 'ended challenges counted')
    } catch (error) {
      log.warn({ err: error }, 'ended challenges could not be counted')
    }
  }
  let running = round()
  const timer = setInterval(() => { running = running.then(round) }, intervalMs)
  return {
    async close () {
      clearInterval(timer)
      await running
    }
  }
}
