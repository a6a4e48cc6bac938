/** EIP-712: the hash that a wallet signs of typed data, which it shows its owner field by field. */

import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { readText } from '../input/text.ts'

export interface TypedDataField {
  readonly name: string
  readonly type: string
}

/** As `eth_signTypedData_v4` takes it. */
export interface TypedData {
  readonly domain: Readonly<Record<string, unknown>>
  /** Of the structs. That of the domain may be left out: then it is seen from the fields that the domain has. */
  readonly types: Readonly<Record<string, readonly TypedDataField[]>>
  readonly primaryType: string
  readonly message: Readonly<Record<string, unknown>>
}

type Types = ReadonlyMap<string, readonly TypedDataField[]>

const DOMAIN = 'EIP712Domain'
/** In the order of the standard. */
const domainFields: readonly TypedDataField[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
  { name: 'salt', type: 'bytes32' }
]

// Bounds the hashing of hostile data: bytes and words of values, and of the texts of types.
const MAX_BYTES = 262_144
const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]{0,255}$/
const ATOMIC = /^(?:string|bool|address|bytes([1-9]|[12][0-9]|3[0-2])?|(u?)int(8|16|24|32|40|48|56|64|72|80|88|96|104|112|120|128|136|144|152|160|168|176|184|192|200|208|216|224|232|240|248|256))$/
const ARRAY = /^(.+)\[([0-9]{0,6})\]$/
const DECIMAL = /^(?:0|-?[1-9][0-9]{0,77})$/
const HEX = /^0x(?:[0-9a-fA-F]{2})*$/
const HEX_NUMBER = /^0x[0-9a-fA-F]{1,64}$/
const HEX_ADDRESS = /^0x[0-9a-fA-F]{40}$/

/**
 * `keccak256(0x1901 ‖ domainSeparator ‖ hashStruct(message))`. Whatever stands in the data is hashed, or the data is refused: no member without
 * a type, no type without a member, no value that has to be cut or guessed at. Integers are integers, decimal or 0x hex texts; addresses and
 * bytes 0x hex.
 * @returns null for anything that is no such data, or is larger than 256 KB
 */
export function hashTypedData (value: unknown): Uint8Array | null {
  try {
    const { domain, types, primaryType, message } = value as TypedData
    const hasher = hasherOf(readTypes(types, domain))
    if (primaryType === DOMAIN) return null
    return keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), hasher.struct(DOMAIN, domain), hasher.struct(primaryType, message)))
  } catch {
    return null
  }
}

class Unreadable extends Error {}

function wanted (holds: boolean): asserts holds {
  if (!holds) throw new Unreadable()
}

function readTypes (given: TypedData['types'], domain: TypedData['domain']): Types {
  const types = new Map<string, readonly TypedDataField[]>()
  for (const [name, fields] of Object.entries(given)) {
    wanted(IDENTIFIER.test(name) && !ATOMIC.test(name) && Array.isArray(fields))
    const read = fields.map(({ name, type }) => ({ name, type }))
    wanted(read.every(({ name, type }) => typeof name === 'string' && IDENTIFIER.test(name) && typeof type === 'string'))
    wanted(new Set(read.map(({ name }) => name)).size === read.length)
    types.set(name, read)
  }
  if (!types.has(DOMAIN)) types.set(DOMAIN, domainFields.filter(({ name }) => Object.hasOwn(domain, name)))
  return types
}

function hasherOf (types: Types) {
  const typeHashes = new Map<string, Uint8Array>()
  let left = MAX_BYTES
  const spend = (bytes: number): void => {
    left -= bytes
    wanted(left >= 0)
  }

  /** encodeType: the struct itself, then those that it refers to, sorted by name. */
  const typeHash = (name: string): Uint8Array => {
    const known = typeHashes.get(name)
    if (known !== undefined) return known
    const [first, ...others] = referred(name, types)
    const text = [first, ...others.sort()].map((one = '') => `${one}(${(types.get(one) ?? []).map(({ name, type }) => `${type} ${name}`).join(',')})`).join('')
    spend(text.length)
    const hash = keccak_256(utf8ToBytes(text))
    typeHashes.set(name, hash)
    return hash
  }

  const struct = (name: string, value: unknown): Uint8Array => {
    const fields = types.get(name)
    wanted(fields !== undefined && typeof value === 'object' && value !== null && !Array.isArray(value))
    const members = Object.entries(value)
    wanted(members.length === fields.length)
    const own = new Map<string, unknown>(members)
    wanted(fields.every((field) => own.has(field.name)))
    return keccak_256(concatBytes(typeHash(name), ...fields.map((field) => word(field.type, own.get(field.name)))))
  }

  /** The 32 bytes that stand for a value in its struct. */
  const word = (type: string, value: unknown): Uint8Array => {
    spend(32)
    const array = ARRAY.exec(type)
    if (array !== null) {
      const [, item = '', length = ''] = array
      wanted(Array.isArray(value) && (length === '' || value.length === Number(length)))
      return keccak_256(concatBytes(...value.map((one) => word(item, one))))
    }
    if (types.has(type)) return struct(type, value)
    return atom(type, value, spend)
  }

  return { struct }
}

/** The struct and all that its fields lead to, each once. */
function referred (name: string, types: Types, found: string[] = []): string[] {
  const fields = types.get(name)
  if (fields === undefined || found.includes(name)) return found
  found.push(name)
  for (const { type } of fields) referred(type.replace(/(?:\[[0-9]*\])+$/, ''), types, found)
  return found
}

function atom (type: string, value: unknown, spend: (bytes: number) => void): Uint8Array {
  const atomic = ATOMIC.exec(type)
  wanted(atomic !== null)
  const [, fixedBytes, unsigned, bits] = atomic
  if (bits !== undefined) return integer(value, BigInt(bits), unsigned === 'u')
  if (type === 'bool') {
    wanted(typeof value === 'boolean')
    return Uint8Array.of(...new Uint8Array(31), value ? 1 : 0)
  }
  if (type === 'string') {
    const text = readText(value)
    wanted(typeof text !== 'string')
    spend(text.length)
    return keccak_256(text)
  }
  wanted(typeof value === 'string' && HEX.test(value))
  if (type === 'address') {
    wanted(HEX_ADDRESS.test(value))
    return concatBytes(new Uint8Array(12), hexToBytes(value.slice(2)))
  }
  spend(value.length / 2)
  const bytes = hexToBytes(value.slice(2))
  if (fixedBytes === undefined) return keccak_256(bytes)
  wanted(bytes.length === Number(fixedBytes))
  return concatBytes(bytes, new Uint8Array(32 - bytes.length))
}

/** Two's complement, big-endian. */
function integer (value: unknown, bits: bigint, unsigned: boolean): Uint8Array {
  wanted(typeof value === 'bigint' || Number.isSafeInteger(value) || (typeof value === 'string' && (DECIMAL.test(value) || HEX_NUMBER.test(value))))
  const number = BigInt(value as bigint | number | string)
  const [least, most] = unsigned ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
  wanted(least <= number && number <= most)
  return hexToBytes(BigInt.asUintN(256, number).toString(16).padStart(64, '0'))
}
