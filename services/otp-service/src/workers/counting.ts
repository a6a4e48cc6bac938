/** Has ended challenges counted once in a while; how late it is changes no report. */
import type { Logger } from '@countersign/runtime'
import type { CountEnded } from '../reports/count-ended.ts'
import { startRounds, type Rounds } from './rounds.ts'

export interface CountingOptions {
  readonly countEnded: CountEnded
  readonly log: Logger
  readonly intervalMs?: number
}

export function startCounting ({ countEnded, log, intervalMs = 600_000 }: CountingOptions): Rounds {
  const round = async (): Promise<void> => {
    try {
      const counted = await countEnded()
      if (counted > 0) log.info({ counted }, 'ended challenges counted')
    } catch (error) {
      log.warn({ err: error }, 'ended challenges could not be counted')
    }
  }
  return startRounds(round, intervalMs)
}
