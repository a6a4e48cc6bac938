/**
 * Wrong codes of the hour over all accounts, counted in Redis by its clock. Each account has its own budget; somebody who guesses a little
 * at very many of them is seen only here. It alarms and refuses nothing: a limit of the house would let anybody with enough accounts of
 * his own close it to all others.
 */
import type { Logger, Metrics } from '@countersign/runtime'

export interface HouseFailures {
  /** Counts one wrong code. Never throws: an answer does not fail because of an alarm. */
  count (): Promise<void>
}

export interface HouseFailuresDeps {
  readonly redis: { eval (script: string, keys: number, key: string): Promise<unknown> }
  /** Above so many in one hour it warns, and again at each multiple. */
  readonly perHour: number
  readonly log: Logger
  readonly metrics: Metrics
}

const key = 'otp:house-failures'

/** The count of the hour that runs; the row of an earlier hour begins anew. */
const counting = `
local hour = math.floor(redis.call('TIME')[1] / 3600)
if tonumber(redis.call('HGET', KEYS[1], 'hour')) ~= hour then redis.call('HSET', KEYS[1], 'hour', hour, 'count', 0) end
redis.call('EXPIRE', KEYS[1], 7200)
return redis.call('HINCRBY', KEYS[1], 'count', 1)
`

export function createHouseFailures ({ redis, perHour, log, metrics }: HouseFailuresDeps): HouseFailures {
  const gauge = metrics.gauge({ name: 'otp_failures_house', help: 'Wrong codes of all accounts in the hour of the last one that this process saw' })
  gauge.set({}, 0)
  return {
    async count () {
      try {
        const failures = Number(await redis.eval(counting, 1, key))
        gauge.set({}, failures)
        // Exactly one process sees each number.
        if (failures > perHour && failures % perHour === 1 % perHour) log.warn({ failures, perHour }, 'OTP wrong codes of all accounts above the number of an hour')
      } catch (error) {
        log.warn({ err: error }, 'OTP wrong code was not counted for the house')
      }
    }
  }
}
