/**
 * Which sessions have ended, as MongoDB says it, read twice a second by every process: single ones by their id, all of a user's by the
 * epoch that these must have reached. Nothing that is kept elsewhere can bring an ended session back: not a copy in Redis, not Redis
 * restarted from an older file, not a reader that was slow.
 */
import type { Logger } from '@countersign/runtime'
import { LRUCache } from 'lru-cache'
import type { SessionEpochs } from '../users/session-epochs.ts'
import type { SessionRepository } from './session-repository.ts'

export interface EndedSessionsDeps {
  readonly sessions: Pick<SessionRepository, 'idsRevokedWithin'>
  readonly epochs: Pick<SessionEpochs, 'raisedWithin'>
  readonly log: Logger
  /** Longest life of a copy that could still say "open". */
  readonly memoryMs: number
}

export interface EndedSessions {
  has (id: string): boolean
  /** What the sessions of that user must have reached; 0 when it was not raised of late. */
  epochOf (userId: string): number
  /** It could not be read for so long that what is kept elsewhere proves nothing any more: MongoDB itself must be asked. */
  isBlind (): boolean
  /** For the process that ended it: at once. */
  add (id: string): void
  raise (userId: string, epoch: number): void
  close (): Promise<void>
}

/** Half of the second within which every process must know: what ended is in the first reading that begins afterwards, whatever the clocks say. */
export const watchEveryMs = 500
/** An outage that is shorter costs nobody their session; in a longer one nobody ended elsewhere comes in here by a copy. */
const blindAfterMs = 5_000
/** A commit may become visible after the time that it carries, by as long as a transaction may take. */
const overlapMs = 15_000

/** @returns once it knows what ended before it was asked */
export async function watchEndedSessions ({ sessions, epochs, log, memoryMs }: EndedSessionsDeps): Promise<EndedSessions> {
  const ended = new LRUCache<string, true>({ max: 500_000, ttl: memoryMs + overlapMs })
  const raised = new LRUCache<string, number>({ max: 100_000, ttl: memoryMs + overlapMs })
  let readAt = performance.now() - memoryMs
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const raise = (userId: string, epoch: number): void => {
    // Answers may come in another order than the changes.
    if (epoch > (raised.get(userId) ?? 0)) raised.set(userId, epoch)
  }
  const read = async (): Promise<void> => {
    const from = performance.now()
    const windowMs = from - readAt + overlapMs
    const [ids, users] = await Promise.all([sessions.idsRevokedWithin(windowMs), epochs.raisedWithin(windowMs)])
    for (const id of ids) ended.set(id, true)
    for (const { userId, epoch } of users) raise(userId, epoch)
    readAt = from
  }
  const schedule = (): void => {
    timer = setTimeout(() => {
      running = read().catch((error: unknown) => { log.warn({ err: error }, 'ended sessions could not be read') }).finally(schedule)
    }, watchEveryMs)
  }

  await read()
  schedule()
  return {
    has: (id) => ended.has(id),
    epochOf: (userId) => raised.get(userId) ?? 0,
    isBlind: () => performance.now() - readAt > blindAfterMs,
    add: (id) => { ended.set(id, true) },
    raise,
    async close () {
      clearTimeout(timer)
      await running
      clearTimeout(timer)
    }
  }
}
