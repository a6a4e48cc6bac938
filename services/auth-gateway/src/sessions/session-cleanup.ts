import type { Logger } from '@countersign/runtime'
import type { SessionRepository } from './session-repository.ts'

export interface CleanupDeps {
  readonly sessions: Pick<SessionRepository, 'markExpired' | 'countByNetwork'>
  /** Runs the work in one process at a time; false when another one has it. */
  readonly alone: (work: () => Promise<void>) => Promise<boolean>
  /** By network; empty where another process counts. */
  readonly setActive: (counts: ReadonlyMap<string, number>) => void
  readonly log: Logger
  readonly intervalMs: number
}

/** Marks sessions that are past their life, so that lists and history tell the truth; requests never depend on it. */
export function startSessionCleanup ({ sessions, alone, setActive, log, intervalMs }: CleanupDeps): { close: () => Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let running: Promise<void> = repeat()

  async function repeat (): Promise<void> {
    await round()
    if (!stopped) timer = setTimeout(() => { running = repeat() }, intervalMs)
  }

  async function round (): Promise<void> {
    try {
      const held = await alone(async () => {
        const expired = await sessions.markExpired()
        setActive(await sessions.countByNetwork())
        log.info({ expired }, 'Session cleanup')
      })
      if (!held) setActive(new Map())
    } catch (error) {
      log.error({ err: error }, 'Session cleanup failed')
    }
  }

  return {
    async close () {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}
