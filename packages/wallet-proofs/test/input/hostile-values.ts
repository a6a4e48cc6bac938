/** Values that break a careless reader, and arbitraries for any value at all. */

import fc from 'fast-check'

/** Throws whatever is done with it. */
export const trap = new Proxy(function () { /* a trap is callable, too */ }, new Proxy({}, { get: () => () => { throw new Error('trap') } }))

const revocable = Proxy.revocable({}, {})
revocable.revoke()
export const revoked = revocable.proxy

const detached = new Uint8Array(64)
structuredClone(detached.buffer, { transfer: [detached.buffer] })

/** Bytes by name only: each claims to be what a reader wants. */
class Liar extends Uint8Array {
  override get length (): never { throw new Error('length') }
  override get byteLength (): never { throw new Error('byteLength') }
  override slice (): never { throw new Error('slice') }
  override subarray (): never { throw new Error('subarray') }
  override [Symbol.iterator] (): never { throw new Error('iterator') }
  static get [Symbol.species] (): never { throw new Error('species') }
}

export const hostileValues: readonly unknown[] = [
  undefined, null, true, false, 0, -1, NaN, Infinity, 1n, 2n ** 64n, '', 'a', Symbol('a'), Symbol.iterator, () => 'a', class {}, [], ['a'], {}, Object.create(null), new Date(NaN), /a/, new Map(), new Set(),
  new String('a'), new Number(1), Object(1n), Object(Symbol('a')), new Error('a'), Promise.resolve('a'), new ArrayBuffer(64), new SharedArrayBuffer(64), new DataView(new ArrayBuffer(64)), new Uint8ClampedArray(64),
  new Uint16Array(32), new BigUint64Array(8), new Float64Array(8), detached, new Liar(64), new Liar(32), new Uint8Array(64), new Uint8Array(0), Object.create(Uint8Array.prototype),
  { length: 64 }, { length: 64, [Symbol.toStringTag]: 'Uint8Array', byteLength: 64 }, new Proxy(new Uint8Array(64), {}), trap, revoked,
  { toString () { throw new Error('toString') } }, { valueOf () { throw new Error('valueOf') } }, { [Symbol.toPrimitive] () { throw new Error('toPrimitive') } }, { then () { throw new Error('then') } }
]

export const anything = (): fc.Arbitrary<unknown> => fc.oneof(
  fc.anything({ withNullPrototype: true, withBigInt: true, withTypedArray: true, withDate: true, withMap: true, withSet: true, withSparseArray: true }),
  // fast-check itself reads its values, which those two do not survive.
  fc.constantFrom(...hostileValues.filter((value) => value !== trap && value !== revoked))
)

export const bytesOf = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size })

/** The same bytes but for one bit. */
export function flipBit (bytes: Uint8Array, bit: number): Uint8Array {
  const bent = Uint8Array.from(bytes)
  bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return bent
}
