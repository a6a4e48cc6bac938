/** Whether code stands at an address. Where it does it stays, for all but a few: that is remembered for a while, and its absence never. */
const keptMs = 600_000
const mostKept = 4_096

/** @param ask about an address, in any spelling that is always the same. @param now milliseconds of any clock that only goes forward. */
export function createRememberedCode (ask: (address: string) => Promise<boolean>, now: () => number): (address: string) => Promise<boolean> {
  const until = new Map<string, number>()
  return async (address) => {
    if ((until.get(address) ?? -Infinity) > now()) return true
    until.delete(address)
    if (!await ask(address)) return false
    until.set(address, now() + keptMs)
    const [oldest] = until.keys()
    if (until.size > mostKept && oldest !== undefined) until.delete(oldest)
    return true
  }
}
