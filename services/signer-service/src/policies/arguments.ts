/**
 * Bounds on arguments of a contract call, read from their words in the head of the data (ABI specification, "Formal specification of the
 * encoding"). Only types that take one word each are bounded, and only where nothing before them is longer: the place is then certain.
 */
import type { ArgumentBound } from '@countersign/contracts'
import type { Hex } from '../chain/quantity.ts'

type WordKind = 'number' | 'address' | 'bytes'

export interface CompiledBound {
  readonly index: number
  /** 64 digits each, as the data carries them. */
  readonly words: ReadonlySet<string> | undefined
  readonly min: bigint | undefined
  readonly max: bigint | undefined
}

const wordDigits = 64

/** @returns the types of a signature; undefined when it holds a tuple, which no bound can look into. */
export function typesOf (signature: string): readonly string[] | undefined {
  const inside = signature.slice(signature.indexOf('(') + 1, -1)
  if (/[()]/.test(inside)) return undefined
  return inside === '' ? [] : inside.split(',')
}

const elementary = /^(address|bool|string|bytes([1-9]|[12][0-9]|3[0-2])?|u?int(8|16|24|32|40|48|56|64|72|80|88|96|104|112|120|128|136|144|152|160|168|176|184|192|200|208|216|224|232|240|248|256))(\[[0-9]*\])*$/
/** `uint` is `uint256` in a signature: the selector of the short form is no method's. */
export const isCanonicalType = (type: string): boolean => elementary.test(type)

/** @returns what is wrong with a bound for these types, or undefined. */
export function faultOfBound ({ index, in: values, min, max }: ArgumentBound, types: readonly string[] | undefined): string | undefined {
  if (types === undefined) return 'cannot be bounded: the method takes a tuple'
  const type = types[index]
  if (type === undefined) return 'is beyond the arguments of the method'
  // A fixed array stands in the head with all its items.
  if (types.slice(0, index).some((before) => /\[[0-9]+\]/.test(before))) return 'stands behind a fixed array, so that its place is not certain'
  const kind = kindOf(type)
  if (kind === undefined) return `cannot be bounded: a ${type} has no word of its own, or a sign`
  if (values === undefined && min === undefined && max === undefined) return 'needs in, min or max'
  if (kind !== 'number' && (min !== undefined || max !== undefined)) return `is a ${type}: give in`
  if ((values ?? []).some((value) => wordOf(kind, value) === undefined)) return `has a value that is no ${type}`
  return undefined
}

export const compileBound = ({ index, in: values, min, max }: ArgumentBound, types: readonly string[]): CompiledBound => ({
  index,
  words: values === undefined ? undefined : new Set(values.map((value) => wordOf(kindOf(types[index] ?? '') ?? 'number', value) ?? '')),
  min: min === undefined ? undefined : BigInt(min),
  max: max === undefined ? undefined : BigInt(max)
})

/** @param data from the selector on. */
export function keepsBound ({ index, words, min, max }: CompiledBound, data: Hex): boolean {
  const start = 10 + index * wordDigits
  const word = data.slice(start, start + wordDigits).toLowerCase()
  if (word.length !== wordDigits) return false
  if (words !== undefined && !words.has(word)) return false
  if (min === undefined && max === undefined) return true
  const value = BigInt(`0x${word}`)
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}

const kindOf = (type: string): WordKind | undefined => {
  if (type === 'address') return 'address'
  if (type === 'bool' || /^uint[0-9]+$/.test(type)) return 'number'
  return /^bytes[0-9]+$/.test(type) ? 'bytes' : undefined
}

/** Numbers and addresses stand right in their word, bytes stand left. */
function wordOf (kind: WordKind, value: string): string | undefined {
  if (kind === 'number') {
    const digits = BigInt(value).toString(16)
    return digits.length <= wordDigits ? digits.padStart(wordDigits, '0') : undefined
  }
  if (!/^0x([0-9a-fA-F]{2}){1,32}$/.test(value)) return undefined
  const digits = value.slice(2).toLowerCase()
  if (kind === 'bytes') return digits.padEnd(wordDigits, '0')
  return digits.length === 40 ? digits.padStart(wordDigits, '0') : undefined
}
