/**
 * Which sessions have ended, as MongoDB says it, read once a second by every process. Nothing that is kept elsewhere can bring an ended
 * session back: not a copy in Redis, not Redis restarted from an older file, not a reader that was slow.
 */
import type { Logger } from '@countersign/runtime'
import { LRUCache } from 'lru-cache'
import type { SessionRepository } from './session-repository.ts'

export interface EndedSessionsDeps {
  readonly sessions: Pick<SessionRepository, 'idsEndedWithin'>
  readonly log: Logger
  /** Longest life of a copy that could still say "open". */
  readonly memoryMs: number
}

export interface EndedSessions {
  has (id: string): boolean
  /** For the process that ended it: at once. */
  add (id: string): void
  close (): Promise<void>
}

const intervalMs = 1_000
/** A commit may become visible a little after the time that it carries. */
const overlapMs = 5_000

/** @returns once it knows what ended before it was asked */
export async function watchEndedSessions ({ sessions, log, memoryMs }: EndedSessionsDeps): Promise<EndedSessions> {
  const ended = new LRUCache<string, true>({ max: 500_000, ttl: memoryMs + overlapMs })
  let readAt = performance.now() - memoryMs
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const read = async (): Promise<void> => {
    const from = performance.now()
    for (const id of await sessions.idsEndedWithin(from - readAt + overlapMs)) ended.set(id, true)
    readAt = from
  }
  const schedule = (): void => {
    timer = setTimeout(() => {
      running = read().catch((error: unknown) => { log.warn({ err: error }, 'ended sessions could not be read') }).finally(schedule)
    }, intervalMs)
  }

  await read()
  schedule()
  return {
    has: (id) => ended.has(id),
    add: (id) => { ended.set(id, true) },
    async close () {
      clearTimeout(timer)
      await running
      clearTimeout(timer)
    }
  }
}
