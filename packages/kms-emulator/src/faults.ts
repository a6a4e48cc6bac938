/** Switches that make the emulator misbehave on purpose, from the test's own process or over HTTP. */

import { operationNames } from './operation-names.ts'

export interface Faults {
  /** Answer this many calls with ThrottlingException, or every one; 0 is off. */
  throttle: number | 'always'
  /** Operations answered with AccessDeniedException, such as `['Sign']`. */
  deny: string[]
  /** Wait before each answer. */
  delayMs: number
  /** Sign answers random bytes that are no DER. */
  garbageDer: boolean
  /** Every signature has S above half the order. */
  forceHighS: boolean
  /** Sign uses another key than the one asked for. */
  wrongKey: boolean
  /** Drop the connection without an answer. */
  down: boolean
}

export interface FaultSwitches {
  current (): Faults
  /** Changes the named switches and leaves the others. @throws TypeError naming the first wrong switch; nothing is changed then */
  set (changes: Partial<Faults>): void
  /** All switches off. */
  clear (): void
  /** True when this call must be throttled; counts it. */
  takeThrottle (): boolean
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isFlag = (value: unknown): boolean => typeof value === 'boolean'

const rules: Record<keyof Faults, { holds: (value: unknown) => boolean, rule: string }> = {
  throttle: { holds: (value) => value === 'always' || isCount(value), rule: 'a count or "always"' },
  deny: { holds: (value) => Array.isArray(value) && value.every((name) => operationNames.includes(name)), rule: `a list out of ${operationNames.join(', ')}` },
  delayMs: { holds: (value) => isCount(value) && (value as number) <= 600_000, rule: 'milliseconds, at most 600000' },
  garbageDer: { holds: isFlag, rule: 'true or false' },
  forceHighS: { holds: isFlag, rule: 'true or false' },
  wrongKey: { holds: isFlag, rule: 'true or false' },
  down: { holds: isFlag, rule: 'true or false' }
}

const none = (): Faults => ({ throttle: 0, deny: [], delayMs: 0, garbageDer: false, forceHighS: false, wrongKey: false, down: false })

export function createFaultSwitches (): FaultSwitches {
  let faults = none()
  return {
    current: () => structuredClone(faults),
    set: (changes) => {
      for (const [name, value] of Object.entries(changes)) {
        const rule = Object.hasOwn(rules, name) ? rules[name as keyof Faults] : undefined
        if (rule === undefined) throw new TypeError(`there is no fault switch of that name: use ${Object.keys(rules).join(', ')}`)
        if (!rule.holds(value)) throw new TypeError(`${name} must be ${rule.rule}`)
      }
      faults = { ...faults, ...structuredClone(changes) }
    },
    clear: () => { faults = none() },
    takeThrottle: () => {
      if (faults.throttle === 'always') return true
      if (faults.throttle === 0) return false
      faults.throttle -= 1
      return true
    }
  }
}
