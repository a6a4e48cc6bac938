import { jwksCacheSeconds } from './signing-key.ts'
import type { DatedKey } from './signing-key-repository.ts'

export interface KeysToCheck {
  readonly keys: readonly DatedKey[]
  /** Of ACCESS_TOKEN_PRIVATE_JWK. */
  readonly environmentKid: string
  /** Whether its private half opens under this SECRET_KEY. */
  readonly opens: (key: DatedKey) => boolean
  readonly mostDays: number
}

const dayMs = 86_400_000
/** Gateways look every few seconds. */
const lateMs = 60_000

/** @returns what an operator should do something about, in words; empty when all is well */
export function faultsOfKeys ({ keys, environmentKid, opens, mostDays }: KeysToCheck): string[] {
  const faults: string[] = []
  const current = keys.find(({ state }) => state === 'current')
  const next = keys.find(({ state }) => state === 'next')

  if (current === undefined) return ['there is no current key: a gateway makes the first one of ACCESS_TOKEN_PRIVATE_JWK when it starts']
  const days = Math.floor(current.signsSinceMs / dayMs)
  if (current.signsSinceMs > mostDays * dayMs) faults.push(`the current key ${current.kid} has signed for ${days} days, more than ${mostDays}: run countersign keys rotate`)
  for (const key of [current, ...next === undefined ? [] : [next]]) {
    if (!opens(key)) faults.push(`the ${key.state} key ${key.kid} does not open under this SECRET_KEY: bring the former one back, or run countersign keys rotate --now`)
  }
  if (next !== undefined && next.signsSinceMs > lateMs) faults.push(`the next key ${next.kid} should have signed for ${Math.floor(next.signsSinceMs / 1000)} s: no gateway took it into use`)
  if (!keys.some(({ kid }) => kid === environmentKid)) {
    faults.push(`ACCESS_TOKEN_PRIVATE_JWK is ${environmentKid}, which the database does not know: restart a gateway to take it in (it signs ${jwksCacheSeconds} s later), or put the former one back`)
  }
  return faults
}
