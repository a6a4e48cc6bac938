/** A rate that all processes share: takers wait for their turn in order, by the clock of Redis, and who would wait too long is told at once. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { defineScript } from '../connection/script.ts'

export interface Turns {
  /**
   * @returns false, with nothing taken, when the wait would be longer than that
   * @throws Redis' error when it cannot be asked; whether one goes on is the caller's decision
   */
  take (maxWaitMs: number): Promise<boolean>
}

export interface TurnsOptions {
  readonly redis: Redis
  readonly key: string
  readonly perSecond: number
  /** Turns that may be taken at once after a pause. In any one second at most `perSecond + burst` are taken. */
  readonly burst: number
}

/**
 * The time at which all turns are free again says it all: each taker moves it on by one (the generic cell rate algorithm). In microseconds.
 * KEYS = the one. ARGV = microseconds per turn, burst, takers, longest wait.
 * Answers { takers that get a turn, wait of the first one, below zero when it goes at once }.
 */
const takeTurns = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step, burst, takers, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local given = math.max(0, math.min(takers, math.floor((longest + burst * step + now - free) / step)))
if given > 0 then
  local after = free + given * step
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil((after - now) / 1000) + 1000))
end
return { given, math.ceil(free + step - now - burst * step) }
`)

interface Taker { readonly maxWaitMs: number, readonly resolve: (waitMs: number | undefined) => void, readonly reject: (error: unknown) => void }

/** @throws RangeError for a rate or burst that never lets anybody through */
export function createTurns ({ redis, key, perSecond, burst }: TurnsOptions): Turns {
  if (!(perSecond > 0) || !(burst >= 1)) throw new RangeError('turns need a rate above 0 and a burst of at least 1')
  const step = Math.ceil(1_000_000 / perSecond)
  let takers: Taker[] = []

  /** Takers of one turn of the event loop ask together; none of them waits longer than the least patient of them would. */
  const ask = async (): Promise<void> => {
    const asking = takers
    takers = []
    try {
      const longest = Math.min(...asking.map(({ maxWaitMs }) => maxWaitMs)) * 1_000
      const [given, first] = await takeTurns(redis, [key], [step, Math.floor(burst), asking.length, Math.floor(longest)]) as [number, number]
      for (const [index, { resolve }] of asking.entries()) resolve(index < given ? Math.max(0, (first + index * step) / 1_000) : undefined)
    } catch (error) {
      for (const { reject } of asking) reject(error)
    }
  }

  return {
    take: async (maxWaitMs) => {
      const waitMs = await new Promise<number | undefined>((resolve, reject) => {
        if (takers.length === 0) setImmediate(() => { void ask() })
        takers.push({ maxWaitMs, resolve, reject })
      })
      if (waitMs === undefined) return false
      if (waitMs > 0) await wait(waitMs)
      return true
    }
  }
}
