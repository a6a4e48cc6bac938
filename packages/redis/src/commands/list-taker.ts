/** Takes commands from the list of one caller, over a connection that it may block. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import { timeInMs } from '../connection/connect-redis.ts'
import type { Slots } from './slots.ts'

export interface ListTakerOptions {
  readonly redis: Redis
  readonly list: string
  readonly slots: Slots
  readonly log: Logger
  /** @param now the clock of Redis when the items were taken or just after, in ms */
  readonly onItems: (items: readonly string[], now: number) => void
}

export interface ListTaker {
  /** Takes nothing more; resolves when the last item taken was handed over. */
  readonly stop: () => Promise<void>
}

/** How long one BLPOP blocks: long enough to cost nothing, short enough to stop soon. Cutting the connection instead could lose an item on its way. */
const blockSeconds = 0.5
/** A burst is shared among the processes of a service. */
const mostAtOnce = 32

type Answered<T> = readonly [error: Error | null, answer: T]

const given = <T>([error, answer]: Answered<T>): T => {
  if (error !== null) throw error
  return answer
}

export const startListTaker = ({ redis, list, slots, log, onItems }: ListTakerOptions): ListTaker => {
  let stopping = false

  const takeSome = async (): Promise<void> => {
    await slots.waitForOne()
    if (stopping) return
    // One write for all three: Redis keeps TIME and LPOP until BLPOP has ended, so the rest of a batch costs no second round trip,
    // and the clock is read after the first item was taken.
    const asked = redis.pipeline().blpop(list, blockSeconds).time()
    // At the bound nothing more is taken: what stays on the list can still be taken by another process, or be refused as full.
    const more = Math.min(slots.free() - 1, mostAtOnce)
    if (more > 0) asked.lpop(list, more)
    const [first, time, rest] = await asked.exec() as unknown as [Answered<[string, string] | null>, Answered<[number, number]>, Answered<string[] | null>?]
    const items = [...first[1]?.slice(1) ?? [], ...rest?.[1] ?? []]
    if (items.length > 0) onItems(items, timeInMs(given(time)))
    given(first)
  }

  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        await takeSome()
      } catch (err) {
        // Redis is away: connection losses are logged by the connection, anything else must be seen.
        if (redis.status === 'ready') log.error({ err, list }, 'cannot take commands')
        await wait(50)
      }
    }
  }
  const running = run()

  return {
    stop: async () => {
      stopping = true
      // A taker at its bound waits for a slot; closing waits for the handlers anyway.
      await running
    }
  }
}
