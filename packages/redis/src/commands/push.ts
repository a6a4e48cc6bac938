/** Puts commands on a list: bounded, stamped by Redis, and gone by itself when nobody takes them. */
import type { Redis } from 'ioredis'
import { defineScript } from '../connection/script.ts'

/**
 * Takes as many of the commands as the list has room for, in order, and says how it went with each.
 *
 * Each comes with its life and with the moment (by the clock of Redis, as its caller reckons it) at which its caller gives up. The stamped
 * deadline is the earlier of the two, so that a push which lay in a socket while Redis hung is not given a new life on arrival.
 * The list outlives its last deadline by a second: what a dead callee leaves behind does not keep it full for ever.
 *
 * KEYS 1 = list. ARGV 1 = depth allowed, then three per command: life in ms, give-up time in ms, envelope.
 * Answers { time in ms, how many were put, then 1 per command put, 0 for no room, -1 for too late }.
 */
const push = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local room = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1])
local answer = { now }
local last = 0
for i = 2, #ARGV, 3 do
  local deadline = math.min(now + tonumber(ARGV[i]), tonumber(ARGV[i + 1]))
  if deadline <= now then
    answer[#answer + 1] = -1
  elseif room < 1 then
    answer[#answer + 1] = 0
  else
    redis.call('RPUSH', KEYS[1], string.format('%.0f', deadline) .. ' ' .. ARGV[i + 2])
    room = room - 1
    if deadline > last then last = deadline end
    answer[#answer + 1] = 1
  end
end
if last > 0 then
  local life = last - now + 1000
  if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life)) end
end
return answer
`)

export type PushOutcome = 'put' | 'full' | 'late'
const outcomes: Readonly<Record<number, PushOutcome>> = { 1: 'put', 0: 'full', [-1]: 'late' }

export interface PushedCommand {
  readonly lifeMs: number
  readonly giveUpAt: number
  readonly envelope: string
}

export interface PushAnswer {
  /** The clock of Redis, in ms since the epoch. */
  readonly now: number
  readonly outcomes: readonly (PushOutcome | undefined)[]
}

export const pushCommands = async (redis: Redis, list: string, maxDepth: number, commands: readonly PushedCommand[]): Promise<PushAnswer> => {
  const values = commands.flatMap(({ lifeMs, giveUpAt, envelope }) => [lifeMs, Math.floor(giveUpAt), envelope])
  const [now, ...states] = await push(redis, [list], [maxDepth, ...values]) as [number, ...number[]]
  return { now, outcomes: states.map((state) => outcomes[state]) }
}
