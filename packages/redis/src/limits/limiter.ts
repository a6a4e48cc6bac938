/** How often something may happen, counted in Redis for all processes together, by the clock of Redis. */
import type { Redis } from 'ioredis'
import { defineScript } from '../connection/script.ts'

export interface LimitBucket {
  /** What is counted, such as `otp-send:usr_…`. Never an address in clear: keys are seen by whoever lists them. */
  readonly key: string
  readonly max: number
  readonly windowMs: number
}

export interface LimitVerdict {
  readonly allowed: boolean
  /** 0 when allowed; else after this long the same take would be allowed if nobody else takes in between. */
  readonly retryAfterMs: number
}

export interface Limiter {
  /**
   * Counts one in every bucket, or in none when any of them is full.
   * @throws Redis' error when it cannot be asked; whether that opens or closes the door is the caller's decision
   */
  readonly take: (buckets: readonly LimitBucket[]) => Promise<LimitVerdict>
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
 * KEYS = buckets. ARGV = max and window in ms for each. Answers { 1 or 0, ms to wait }.
 */
const take = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
local counts = {}
for i, key in ipairs(KEYS) do
  local max, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
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
end
if wait > 0 then return { 0, wait } end
for i, key in ipairs(KEYS) do
  local kept = counts[i]
  redis.call('HSET', key, 'index', string.format('%.0f', kept[1]), 'count', kept[2], 'before', kept[3])
  redis.call('PEXPIRE', key, string.format('%.0f', 2 * kept[4]))
end
return { 1, 0 }
`)

/** @returns a limiter whose keys are `<prefix>:<window in ms>:<key>` */
export const createLimiter = ({ redis, prefix }: LimiterOptions): Limiter => ({
  take: async (buckets) => {
    for (const { max, windowMs } of buckets) {
      if (!Number.isSafeInteger(max) || !Number.isSafeInteger(windowMs) || max < 0 || windowMs < 1) throw new TypeError('a limit is a whole number per whole milliseconds')
    }
    // The window is part of the name: two limits on one thing are two buckets.
    const keys = buckets.map(({ key, windowMs }) => `${prefix}:${windowMs}:${key}`)
    const [allowed, retryAfterMs] = await take(redis, keys, buckets.flatMap(({ max, windowMs }) => [max, windowMs])) as [number, number]
    return { allowed: allowed === 1, retryAfterMs }
  }
})
