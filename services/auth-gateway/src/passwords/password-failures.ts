/**
 * Wrong passwords, counted in Redis for all processes together: of one account from one place, and of one account from anywhere. Each try is
 * paid for before it is looked at, so that of any number at once no more are looked at than may fail; a right one is given back.
 *
 * The counts close the door of this password alone: mailed codes, wallets and passkeys stay open. A place from which the password was right
 * before is bound by its own count only, so that strangers who spend the account's keep its owner out of nothing.
 */
import { Problem, problems } from '@countersign/contracts'
import type { Redis } from '@countersign/redis'
import { keyedHash } from '@countersign/secrets'

export interface PasswordFailures {
  /** @throws Problem factorLocked; the error of Redis when it is away, since guesses would be free */
  readonly reserve: (tried: PasswordTry) => Promise<void>
  /** After a right one. */
  readonly succeeded: (tried: PasswordTry) => Promise<void>
}

export interface PasswordTry {
  /** Id of the identity, whether it exists or not: an unknown one is counted like a known one. */
  readonly identityId: string
  readonly ip: string
}

export const failuresFromOnePlace = 10
/** NIST SP 800-63B §5.2.2 allows 100 in a row. */
export const failuresFromAnywhere = 100
const placeWindowMs = 15 * 60_000
const accountWindowMs = 60 * 60_000
const knownPlaceMs = 30 * 86_400_000

/** KEYS place, account, known. ARGV: most and window of the place, most and window of the account. Answers 0, or the milliseconds to wait. */
const reserveTry = `
local function full (key, most)
  return tonumber(redis.call('GET', key) or '0') >= tonumber(most)
end
if full(KEYS[1], ARGV[1]) then return math.max(1, redis.call('PTTL', KEYS[1])) end
local counted = { KEYS[1] }
if redis.call('EXISTS', KEYS[3]) == 0 then
  if full(KEYS[2], ARGV[3]) then return math.max(1, redis.call('PTTL', KEYS[2])) end
  counted[2] = KEYS[2]
end
for i, key in ipairs(counted) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[2 * i]) end
end
return 0`

/** KEYS as above. ARGV: life of a known place. The account's count loses this try alone: it tells of others too. */
const giveBackTry = `
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[3]) == 0 and tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then redis.call('DECR', KEYS[2]) end
redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
return 0`

/** @param hashKey Redis sees keyed hashes: a dump of it names nobody. */
export function createPasswordFailures ({ redis, hashKey }: { readonly redis: Redis, readonly hashKey: Uint8Array }): PasswordFailures {
  const keysOf = ({ identityId, ip }: PasswordTry): [string, string, string] => {
    const account = keyedHash(hashKey, identityId).toString('base64url')
    const place = keyedHash(hashKey, identityId, ip).toString('base64url')
    // One hash tag: the keys of one script lie in one slot.
    return [`gw:pw:{${account}}:at:${place}`, `gw:pw:{${account}}:all`, `gw:pw:{${account}}:known:${place}`]
  }

  return {
    async reserve (tried) {
      const waitMs = Number(await redis.eval(reserveTry, 3, ...keysOf(tried), failuresFromOnePlace, placeWindowMs, failuresFromAnywhere, accountWindowMs))
      if (waitMs > 0) throw new Problem(problems.factorLocked, { detail: 'Too many requests: too many wrong passwords. Wait, or sign in another way.', retry_after: Math.ceil(waitMs / 1_000) })
    },

    async succeeded (tried) {
      await redis.eval(giveBackTry, 3, ...keysOf(tried), knownPlaceMs)
    }
  }
}
