/** Reading an object that a stranger made: it may be no object, or answer with an exception. */

/** Each property is read once; null: there is nothing to read, or reading it threw (a getter, a revoked proxy). */
export function readProperties<Key extends string> (value: unknown, keys: readonly Key[]): Readonly<Record<Key, unknown>> | null {
  try {
    const source = value as Readonly<Record<Key, unknown>>
    return Object.fromEntries(keys.map((key) => [key, source[key]])) as Record<Key, unknown>
  } catch {
    return null
  }
}
