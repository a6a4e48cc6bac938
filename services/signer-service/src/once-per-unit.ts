/** One snapshot answers a question alike however often it is asked: within a unit of work it goes to the database once. */
import type { Unit } from './unit.ts'

/**
 * @param read whose rows the unit itself does not write.
 * @returns the same, asked once per unit and key; outside of a unit it is asked each time.
 */
export function oncePerUnit<Key, Answer> (read: (key: Key, unit?: Unit) => Promise<Answer>): (key: Key, unit?: Unit) => Promise<Answer> {
  const answers = new WeakMap<Unit, Map<Key, Promise<Answer>>>()
  return async (key, unit) => {
    if (unit === undefined) return await read(key)
    const known = answers.get(unit) ?? new Map<Key, Promise<Answer>>()
    answers.set(unit, known)
    const answer = known.get(key) ?? read(key, unit)
    known.set(key, answer)
    return await answer
  }
}
