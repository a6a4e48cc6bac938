/** How often something may happen, counted in Redis for all processes together, by the clock of Redis. */
import type { Redis } from 'ioredis'
import { defineScript } from '../connection/script.ts'

export interface LimitBucket {
  /** What is counted, such as `otp-send:usr_…`. Never an address in clear: keys are seen by whoever lists them. */
  readonly key: string
  readonly max: number
  readonly windowMs: number
  /** A whole key: while it exists this bucket neither counts nor refuses. */
  readonly unless?: string
}

export interface LimitVerdict {
  readonly allowed: boolean
  /** 0 when allowed; else after this long the same take would be allowed if nobody else takes in between. */
  readonly retryAfterMs: number
  /** By the clock of Redis. */
  readonly takenAtMs: number
  /** For each bucket, whether it was asked, and not left out for its `unless`. */
  readonly asked: readonly boolean[]
}

export interface Limiter {
  /**
   * Counts one in every bucket, or in none when any of them is full.
   * @throws Redis' error when it cannot be asked; whether that opens or closes the door is the caller's decision
   */
  readonly take: (buckets: readonly LimitBucket[]) => Promise<LimitVerdict>
  /** Undoes one take in each bucket, in the window that counted it. @throws Redis' error */
  readonly giveBack: (buckets: readonly LimitBucket[], takenAtMs: number) => Promise<void>
  /** Empties them. @throws Redis' error */
  readonly clear: (buckets: readonly LimitBucket[]) => Promise<void>
}

export interface LimiterOptions {
  readonly redis: Redis
  /** Begins every key. In a cluster all keys of one take must lie in one slot, so give it a hash tag: `gw:{limits}`. */
  readonly prefix: string
}

/**
 * Sliding-window counters: a bucket keeps the count of the window that runs and of the one before, and the earlier one weighs as much as
 * is left of it, as if its takes had been spread evenly. So twice the limit never comes at once at a window's edge; but after a burst just
 * before the edge the allowance flows back at an even rate, and a stretch as long as the window can hold almost twice the limit.
 * Two numbers per bucket, integers only.
 * KEYS = buckets, then the keys that excuse. ARGV = max, window in ms and index of the key that excuses (0: none) for each.
 * Answers { 1 or 0, ms to wait, time in ms, 1 or 0 for each bucket: asked or excused }.
 */
const take = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
local counts = {}
local asked = {}
for i = 1, #ARGV / 3 do
  local excuse = tonumber(ARGV[3 * i])
  asked[i] = excuse > 0 and redis.call('EXISTS', KEYS[excuse]) == 1 and 0 or 1
end
for i = 1, #asked do if asked[i] == 1 then
  local key = KEYS[i]
  local max, window = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local index = math.floor(now / window)
  local elapsed = now - index * window
  local kept = redis.call('HMGET', key, 'index', 'count', 'before')
  local count, before = 0, 0
  local behind = kept[1] and index - tonumber(kept[1]) or 2
  if behind <= 0 then
    count, before = tonumber(kept[2]), tonumber(kept[3])
  elseif behind == 1 then
    before = tonumber(kept[2])
  end
  if before * (window - elapsed) + (count + 1) * window > max * window then
    local need
    if max < 1 then
      need = window
    elseif count + 1 > max then
      need = window - elapsed + math.ceil(window * (1 - (max - 1) / count))
    else
      need = math.ceil(window * (1 - (max - 1 - count) / before)) - elapsed
    end
    if need < 1 then need = 1 end
    if need > wait then wait = need end
  end
  counts[i] = { index, count + 1, before, window }
end end
if wait > 0 then return { 0, wait, now, unpack(asked) } end
for i, kept in pairs(counts) do
  redis.call('HSET', KEYS[i], 'index', string.format('%.0f', kept[1]), 'count', kept[2], 'before', kept[3])
  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', 2 * kept[4]))
end
return { 1, 0, now, unpack(asked) }
`)

/** KEYS = buckets. ARGV = time of the take, then the window of each. */
const undo = defineScript(`
for i, key in ipairs(KEYS) do
  local index = math.floor(tonumber(ARGV[1]) / tonumber(ARGV[i + 1]))
  local kept = redis.call('HMGET', key, 'index', 'count', 'before')
  local behind = kept[1] and tonumber(kept[1]) - index
  if behind == 0 and tonumber(kept[2]) > 0 then redis.call('HINCRBY', key, 'count', -1) end
  if behind == 1 and tonumber(kept[3]) > 0 then redis.call('HINCRBY', key, 'before', -1) end
end
return 0
`)

/** @returns a limiter whose keys are `<prefix>:<window in ms>:<key>` */
export const createLimiter = ({ redis, prefix }: LimiterOptions): Limiter => {
  // The window is part of the name: two limits on one thing are two buckets.
  const keyOf = ({ key, windowMs }: LimitBucket): string => `${prefix}:${windowMs}:${key}`

  return {
    async take (buckets) {
      for (const { max, windowMs } of buckets) {
        if (!Number.isSafeInteger(max) || !Number.isSafeInteger(windowMs) || max < 0 || windowMs < 1) throw new TypeError('a limit is a whole number per whole milliseconds')
      }
      const excuses = [...new Set(buckets.flatMap(({ unless }) => unless ?? []))]
      const excuseOf = ({ unless }: LimitBucket): number => unless === undefined ? 0 : buckets.length + excuses.indexOf(unless) + 1
      const [allowed, retryAfterMs, takenAtMs, ...asked] = await take(
        redis, [...buckets.map(keyOf), ...excuses], buckets.flatMap((bucket) => [bucket.max, bucket.windowMs, excuseOf(bucket)])
      ) as [number, number, number, ...number[]]
      return { allowed: allowed === 1, retryAfterMs, takenAtMs, asked: asked.map((one) => one === 1) }
    },

    async giveBack (buckets, takenAtMs) {
      await undo(redis, buckets.map(keyOf), [takenAtMs, ...buckets.map(({ windowMs }) => windowMs)])
    },

    async clear (buckets) {
      await redis.del(buckets.map(keyOf))
    }
  }
}
