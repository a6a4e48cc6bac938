/** The calls that begin in one turn of the event loop leave as one script call per list. */
import type { Redis } from 'ioredis'
import type { RedisClock } from '../connection/redis-clock.ts'
import { pushCommands, type PushedCommand, type PushOutcome } from './push.ts'

/** One script call must not hold Redis up for long. */
const mostAtOnce = 128

interface Waiting {
  readonly list: string
  readonly command: PushedCommand
  readonly settle: (outcome: PushOutcome | undefined, fault?: unknown) => void
}

/**
 * @returns a function that queues a command for its list; `settle` is called once with how it went,
 * or with undefined and the error when Redis did not answer (then it may have been put all the same)
 */
export const createPushBatch = (redis: Redis, clock: RedisClock, maxDepth: number) => {
  let waiting: Waiting[] = []

  const send = async (list: string, batch: readonly Waiting[]): Promise<void> => {
    try {
      const { now, outcomes } = await pushCommands(redis, list, maxDepth, batch.map(({ command }) => command))
      clock.set(now)
      batch.forEach(({ settle }, index) => { settle(outcomes[index]) })
    } catch (error) {
      batch.forEach(({ settle }) => { settle(undefined, error) })
    }
  }

  const flush = (): void => {
    const all = waiting
    waiting = []
    const lists = new Map<string, Waiting[]>()
    for (const one of all) {
      const commands = lists.get(one.list)
      if (commands === undefined) lists.set(one.list, [one])
      else commands.push(one)
    }
    for (const [list, commands] of lists) {
      for (let from = 0; from < commands.length; from += mostAtOnce) void send(list, commands.slice(from, from + mostAtOnce))
    }
  }

  return (list: string, command: PushedCommand, settle: Waiting['settle']): void => {
    if (waiting.push({ list, command, settle }) === 1) setImmediate(flush)
  }
}
