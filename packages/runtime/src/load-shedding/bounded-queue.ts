/** Heavy work, a few pieces at a time with a short queue behind: what cannot begin soon is refused at once, so that a flood costs nobody else's wait. */
import { Problem, problems } from '@countersign/contracts'

export interface BoundedQueue {
  /**
   * Starts the work when it is its turn, first come, first served.
   * @throws Problem unavailable when too many wait already, without starting the work; else what the work throws
   */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
  /** How many wait for their turn now. */
  readonly waiting: () => number
}

export interface BoundedQueueOptions {
  readonly maxInFlight: number
  /** How many may wait beside those in flight. */
  readonly queueLimit: number
}

const retryAfterSeconds = 1

export function createBoundedQueue ({ maxInFlight, queueLimit }: BoundedQueueOptions): BoundedQueue {
  const waiting: (() => void)[] = []
  let inFlight = 0

  async function enter (): Promise<void> {
    if (inFlight < maxInFlight) {
      inFlight += 1
      return
    }
    if (waiting.length >= queueLimit) throw new Problem(problems.unavailable, { retry_after: retryAfterSeconds })
    await new Promise<void>((resolve) => { waiting.push(resolve) })
  }

  /** The place goes to the next in line directly, so that nobody who comes in between takes it. */
  function leave (): void {
    const next = waiting.shift()
    if (next === undefined) inFlight -= 1
    else next()
  }

  return {
    waiting: () => waiting.length,

    async run (work) {
      await enter()
      try {
        return await work()
      } finally {
        leave()
      }
    }
  }
}
