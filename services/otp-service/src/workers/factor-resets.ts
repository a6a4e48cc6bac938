/** Looks once in a while for resets whose delay is over. */
import type { Logger } from '@countersign/runtime'
import type { ApplyFactorResets } from '../factors/apply-factor-resets.ts'

export interface FactorResetsOptions {
  readonly applyFactorResets: ApplyFactorResets
  readonly log: Logger
  readonly intervalMs?: number
}

export function startFactorResets ({ applyFactorResets, log, intervalMs = 30_000 }: FactorResetsOptions): { close (): Promise<void> } {
  const round = async (): Promise<void> => {
    try {
      const done = await applyFactorResets()
      if (done > 0) log.warn({ done }, 'factors were reset')
    } catch (error) {
      log.warn({ err: error }, 'resets of factors could not be done')
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
