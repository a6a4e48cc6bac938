/** Arguments of a contract call: from JSON to bytes, and from bytes to the words that a person reads. */
import type { AbiParameter } from 'viem'
import { decodeAbiParameters, encodeAbiParameters } from 'viem/utils'
import { checksummed } from '../chain/address.ts'
import type { Hex } from '../chain/quantity.ts'
import { selectorOf } from '../chain/selector.ts'
import type { AbiFunction, AbiType } from './abi-signature.ts'

/** `path` is that of the argument, below the list of them. */
export class ArgumentRefused extends Error {
  override readonly name = 'ArgumentRefused'
  readonly path: string
  constructor (path: string, message: string) {
    super(message)
    this.path = path
  }
}

const parametersOf = ({ inputs }: AbiFunction): readonly AbiParameter[] => inputs as readonly AbiParameter[]

/** @param args whole numbers as decimal text or safe integers, bytes as hex, structs as lists of their fields. @throws ArgumentRefused */
export function encodeCall (method: AbiFunction, args: readonly unknown[]): Hex {
  if (args.length !== method.inputs.length) throw new ArgumentRefused('', `must be ${method.inputs.length} for ${method.signature}`)
  const values = method.inputs.map((type, index) => valueOf(args[index], type, `/${index}`))
  return `${selectorOf(method.signature)}${encodeAbiParameters(parametersOf(method), values).slice(2)}`
}

/** @returns the arguments as text; undefined when the data is not exactly a call of this function. */
export function readCall (method: AbiFunction, data: Hex): readonly string[] | undefined {
  if (data.slice(0, 10) !== selectorOf(method.signature)) return undefined
  try {
    const values = data.length === 10 && method.inputs.length === 0 ? [] : decodeAbiParameters(parametersOf(method), `0x${data.slice(10)}`) as readonly unknown[]
    const same = data.slice(10) === encodeAbiParameters(parametersOf(method), values).slice(2)
    return same ? values.map((value, index) => shown(value, method.inputs[index] as AbiType)) : undefined
  } catch {
    return undefined
  }
}

const elementOf = (type: string): { readonly of: string, readonly length: number | undefined } | undefined => {
  const found = /^(.*)\[([0-9]*)\]$/.exec(type)
  return found === null ? undefined : { of: found[1] ?? '', length: found[2] === '' ? undefined : Number(found[2]) }
}

function valueOf (given: unknown, { type, components }: AbiType, at: string): unknown {
  const refused = (what: string): ArgumentRefused => new ArgumentRefused(at, `must be ${what}`)
  const list = elementOf(type)
  if (list !== undefined) {
    if (!Array.isArray(given) || (list.length ?? given.length) !== given.length) throw refused(`a list for ${type}`)
    return given.map((one, index) => valueOf(one, { type: list.of, ...components && { components } }, `${at}/${index}`))
  }
  if (components !== undefined) {
    if (!Array.isArray(given) || given.length !== components.length) throw refused(`a list of ${components.length} fields`)
    return components.map((component, index) => valueOf(given[index], component, `${at}/${index}`))
  }
  if (type === 'bool') {
    if (typeof given !== 'boolean') throw refused('true or false')
    return given
  }
  if (type.includes('int')) return numberOf(given, type, refused)
  if (typeof given !== 'string') throw refused('text')
  if (type === 'string') return given
  if (type === 'address') {
    const address = /^0x[0-9a-fA-F]{40}$/.test(given) ? checksummed(given) : undefined
    if (address === undefined) throw refused('an address; mixed case must be its EIP-55 checksum')
    return address
  }
  const size = type.slice('bytes'.length)
  if (!/^0x([0-9a-fA-F]{2})*$/.test(given) || (size !== '' && given.length !== 2 + 2 * Number(size))) throw refused(`hex for ${type}`)
  return given.toLowerCase()
}

function numberOf (given: unknown, type: string, refused: (what: string) => ArgumentRefused): bigint {
  const text = typeof given === 'number' && Number.isSafeInteger(given) ? String(given) : given
  if (typeof text !== 'string' || !/^(0|-?[1-9][0-9]{0,77})$/.test(text)) throw refused('a whole number, as decimal text')
  const value = BigInt(text)
  const bits = Number(type.replace(/^u?int/, ''))
  const [least, most] = type.startsWith('u') ? [0n, 2n ** BigInt(bits) - 1n] : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]
  if (value < least || value > most) throw refused(`within ${type}`)
  return value
}

/** In one line of printable ASCII: nobody can write a line of their own into what is confirmed. */
function shown (value: unknown, { type, components }: AbiType): string {
  const list = elementOf(type)
  if (list !== undefined) return `[${(value as readonly unknown[]).map((one) => shown(one, { type: list.of, ...components && { components } })).join(', ')}]`
  if (components !== undefined) return `(${components.map((component, index) => shown((value as readonly unknown[])[index], component)).join(', ')})`
  if (typeof value !== 'string') return String(value)
  return type === 'string' ? JSON.stringify(value).replace(/[^ -~]/gu, (character) => [...character].map((one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`).join('')) : value
}
