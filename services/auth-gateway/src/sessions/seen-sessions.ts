/** Which sessions are in use, for the idle limit: noted per request in memory, written in one batch now and then. */
import type { Logger } from '@countersign/runtime'
import { LRUCache } from 'lru-cache'
import type { SessionRepository } from './session-repository.ts'

export interface SeenSessionsDeps {
  readonly sessions: Pick<SessionRepository, 'markSeen'>
  readonly log: Logger
  readonly flushMs?: number
}

export interface SeenSessions {
  note (id: string): void
  /** Writes what is left. */
  close (): Promise<void>
}

/** The idle limit is an hour at least: being a minute late costs nobody a session. */
const againMs = 60_000
const batchSize = 1_000

export function startSeenSessions ({ sessions, log, flushMs = 10_000 }: SeenSessionsDeps): SeenSessions {
  const noted = new LRUCache<string, true>({ max: 200_000, ttl: againMs })
  const pending = new Set<string>()
  let running: Promise<void> = Promise.resolve()
  let timer = setTimeout(tick, flushMs)

  function tick (): void {
    running = flush().finally(() => { timer = setTimeout(tick, flushMs) })
  }

  async function flush (): Promise<void> {
    const ids = [...pending]
    pending.clear()
    try {
      for (let from = 0; from < ids.length; from += batchSize) await sessions.markSeen(ids.slice(from, from + batchSize))
    } catch (error) {
      log.warn({ err: error, sessions: ids.length }, 'sessions in use could not be noted')
      for (const id of ids) noted.delete(id)
    }
  }

  return {
    note (id) {
      if (noted.has(id)) return
      noted.set(id, true)
      pending.add(id)
    },
    async close () {
      clearTimeout(timer)
      await running
      clearTimeout(timer)
      await flush()
    }
  }
}
