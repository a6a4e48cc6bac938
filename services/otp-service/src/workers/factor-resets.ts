/** Looks once in a while for resets whose delay is over. */
import type { Logger } from '@countersign/runtime'
import type { ApplyFactorResets } from '../factors/apply-factor-resets.ts'
import { startRounds, type Rounds } from './rounds.ts'

export interface FactorResetsOptions {
  readonly applyFactorResets: ApplyFactorResets
  readonly log: Logger
  readonly intervalMs?: number
}

export function startFactorResets ({ applyFactorResets, log, intervalMs = 30_000 }: FactorResetsOptions): Rounds {
  const round = async (): Promise<void> => {
    try {
      const done = await applyFactorResets()
      if (done > 0) log.warn({ done }, 'factors were reset')
    } catch (error) {
      log.warn({ err: error }, 'resets of factors could not be done')
    }
  }
  return startRounds(round, intervalMs)
}
