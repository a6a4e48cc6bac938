/** Bytes that a stranger gave. */

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const brandOf = Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)?.get
const lengthOf = Object.getOwnPropertyDescriptor(typedArray, 'byteLength')?.get

/**
 * A copy of a Uint8Array (a Buffer is one) of `min` to `max` bytes: what is checked stays what is verified, even where
 * the memory is shared with another thread. Null for any other value, a proxy or a look-alike object included; the
 * platform's own record of type and size is asked, which a subclass cannot override.
 */
export function copyBytes (value: unknown, min: number, max = min): Uint8Array | null {
  if (brandOf?.call(value) !== 'Uint8Array') return null
  const length = lengthOf?.call(value) as number
  if (length < min || length > max) return null
  // A detached array has length 0 and throws when copied.
  return length === 0 ? new Uint8Array() : new Uint8Array(value as Uint8Array)
}
