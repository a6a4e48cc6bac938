/**
 * Typed data (EIP-712) in the one form in which it is judged, shown and hashed. Whatever two programs could read in two ways is refused: names
 * that are none, types that nobody reaches, members too many or too few, numbers out of range, a domain that does not say its chain and contract.
 */
import { Problem, problems, type TypedDataRequest } from '@countersign/contracts'
import { hashTypedData } from 'viem'
import { checksummed } from '../chain/address.ts'
import type { Hex } from '../chain/quantity.ts'
import { isReadable } from './readable-text.ts'

export type TypedValue = string | boolean | readonly TypedValue[] | { readonly [member: string]: TypedValue }
export interface TypedMember { readonly name: string, readonly type: string }
export type TypedStruct = Readonly<Record<string, TypedValue>>

/** Canonical: addresses as EIP-55, numbers as decimal text, bytes in lower case, members in the order of their type. */
export interface TypedData {
  readonly domain: { readonly name?: string, readonly version?: string, readonly chainId: number, readonly verifyingContract: string, readonly salt?: string }
  /** Those that the primary type reaches, and no others. */
  readonly types: Readonly<Record<string, readonly TypedMember[]>>
  readonly primaryType: string
  readonly message: TypedStruct
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/
/** Neither read from nor hidden behind what every object has. */
const isName = (name: string): boolean => identifier.test(name) && !(name in {})
const elementary = /^(address|bool|string|bytes([1-9]|[12][0-9]|3[0-2])?|u?int(8|16|24|32|40|48|56|64|72|80|88|96|104|112|120|128|136|144|152|160|168|176|184|192|200|208|216|224|232|240|248|256))$/
/** Names that a type has, or could be taken for. */
const reserved = /^((address|bool|string|u?fixed|function|tuple|EIP712Domain)[0-9x]*$|bytes|u?int)/
const deepest = 8
const mostItems = 256

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path: `body/typed_data/${path}`, message }] })

/** @throws Problem schemaViolation with the path of the fault */
export function readTypedData ({ domain: given, types: { EIP712Domain: givenDomain, ...types }, primaryType, message }: TypedDataRequest): TypedData {
  const domain = domainOf(given)
  if (givenDomain !== undefined && encoded('EIP712Domain', givenDomain) !== encoded('EIP712Domain', domainMembers(domain))) throw fault('types/EIP712Domain', 'is not the type of the domain')
  for (const [name, members] of Object.entries(types)) {
    if (!isName(name) || reserved.test(name)) throw fault(`types/${name}`, 'is no name of a type')
    if (new Set(members.map((member) => member.name)).size !== members.length) throw fault(`types/${name}`, 'has two members of one name')
    for (const [index, member] of members.entries()) {
      if (!isName(member.name)) throw fault(`types/${name}/${index}/name`, 'is no name of a member')
      if (!elementary.test(baseOf(member.type)) && !Object.hasOwn(types, baseOf(member.type))) throw fault(`types/${name}/${index}/type`, 'is no type')
    }
  }
  if (!Object.hasOwn(types, primaryType)) throw fault('primaryType', 'is not among types')
  const reached = reachedFrom(primaryType, types)
  const unused = Object.keys(types).find((name) => !reached.has(name))
  if (unused !== undefined) throw fault(`types/${unused}`, 'is used by nothing')
  return { domain, types: Object.fromEntries([...reached].map((name) => [name, membersOf(types, name)])), primaryType, message: structOf(types, primaryType, message, 'message') }
}

/** @returns the EIP-712 digest */
export function typedDataDigest ({ domain, types, primaryType, message }: TypedData): Hex {
  // The type of the domain is said: left to guess it, a member that is empty would not be hashed.
  return hashTypedData({ domain, types: { EIP712Domain: domainMembers(domain), ...types }, primaryType, message: numbersOf(types, primaryType, message) } as never)
}

/** EIP-712 encodeType. */
export function encodeType ({ types, primaryType }: Pick<TypedData, 'types' | 'primaryType'>): string {
  const others = Object.keys(types).filter((name) => name !== primaryType).sort()
  return [primaryType, ...others].map((name) => encoded(name, membersOf(types, name))).join('')
}

const encoded = (name: string, members: readonly TypedMember[]): string => `${name}(${members.map((member) => `${member.type} ${member.name}`).join(',')})`
const membersOf = (types: TypedData['types'], name: string): readonly TypedMember[] => types[name] ?? []
const baseOf = (type: string): string => type.replace(/(\[([1-9][0-9]{0,2})?\]){1,3}$/, '')

function domainOf ({ name, version, chainId, verifyingContract, salt }: TypedDataRequest['domain']): TypedData['domain'] {
  if (chainId === undefined) throw fault('domain/chainId', 'is required: without it the signature would count on every chain')
  if (verifyingContract === undefined) throw fault('domain/verifyingContract', 'is required: it says whom the signature is for')
  const contract = checksummed(verifyingContract)
  if (contract === undefined) throw fault('domain/verifyingContract', 'has a wrong EIP-55 checksum: a character is mistyped')
  for (const [member, value] of Object.entries({ name, version })) if (value !== undefined && !isReadable(value)) throw fault(`domain/${member}`, 'has characters that do not show')
  return { ...name !== undefined && { name }, ...version !== undefined && { version }, chainId: Number(chainId), verifyingContract: contract, ...salt !== undefined && { salt: salt.toLowerCase() } }
}

const domainTypes = { name: 'string', version: 'string', chainId: 'uint256', verifyingContract: 'address', salt: 'bytes32' } as const
const domainMembers = (domain: TypedData['domain']): TypedMember[] => Object.entries(domainTypes).filter(([name]) => Object.hasOwn(domain, name)).map(([name, type]) => ({ name, type }))

/** Types within types, to the end of it; one that holds itself has none. Each is looked into once, however many ways lead to it. */
function reachedFrom (primaryType: string, types: TypedData['types']): ReadonlySet<string> {
  const reached = new Set<string>()
  const depths = new Map<string, number>()
  const depthOf = (name: string, path: readonly string[]): number => {
    const known = depths.get(name)
    if (known !== undefined) return known
    if (path.includes(name) || path.length > deepest) throw fault(`types/${name}`, 'holds itself, or is too deep')
    reached.add(name)
    const inner = new Set(membersOf(types, name).map(({ type }) => baseOf(type)).filter((base) => Object.hasOwn(types, base)))
    const depth = 1 + Math.max(0, ...[...inner].map((base) => depthOf(base, [...path, name])))
    depths.set(name, depth)
    return depth
  }
  if (depthOf(primaryType, []) > deepest + 1) throw fault(`types/${primaryType}`, 'holds itself, or is too deep')
  return reached
}

function structOf (types: TypedData['types'], name: string, value: unknown, path: string): TypedStruct {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault(path, `is no ${name}`)
  const members = membersOf(types, name)
  const extra = Object.keys(value).find((key) => !members.some((member) => member.name === key))
  if (extra !== undefined) throw fault(path, `has a member that ${name} has not`)
  return Object.fromEntries(members.map((member) => [member.name, valueOf(types, member.type, Object.hasOwn(value, member.name) ? (value as Record<string, unknown>)[member.name] : undefined, `${path}/${member.name}`)]))
}

function valueOf (types: TypedData['types'], type: string, value: unknown, path: string): TypedValue {
  const array = /^(.*)\[([0-9]*)\]$/.exec(type)
  if (array !== null) {
    const [, inner = '', length = ''] = array
    if (!Array.isArray(value) || value.length > mostItems || (length !== '' && value.length !== Number(length))) throw fault(path, `is no ${type}`)
    return value.map((item, index) => valueOf(types, inner, item, `${path}/${index}`))
  }
  if (Object.hasOwn(types, type)) return structOf(types, type, value, path)
  const read = elementaryOf(type, value)
  if (read === undefined) throw fault(path, `is no ${type}`)
  return read
}

function elementaryOf (type: string, value: unknown): string | boolean | undefined {
  if (type === 'bool') return typeof value === 'boolean' ? value : undefined
  if (/^u?int/.test(type)) return numberOf(type, value)
  if (typeof value !== 'string') return undefined
  if (type === 'string') return isReadable(value) ? value : undefined
  if (type === 'address') return /^0x[0-9a-fA-F]{40}$/.test(value) ? checksummed(value) : undefined
  const bytes = Number(type.slice(5) || -1)
  return /^0x([0-9a-fA-F]{2})*$/.test(value) && (bytes === -1 || value.length === 2 + 2 * bytes) ? value.toLowerCase() : undefined
}

function numberOf (type: string, value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || !/^(-?(0|[1-9][0-9]{0,77})|0x[0-9a-fA-F]{1,64})$/.test(text)) return undefined
  const number = BigInt(text)
  const bits = BigInt(type.replace(/\D/g, ''))
  const [least, beyond] = type.startsWith('u') ? [0n, 1n << bits] : [-(1n << (bits - 1n)), 1n << (bits - 1n)]
  return number >= least && number < beyond ? number.toString() : undefined
}

/** As the hash takes them. */
function numbersOf (types: TypedData['types'], type: string, value: TypedValue): unknown {
  if (Array.isArray(value)) return (value as readonly TypedValue[]).map((item) => numbersOf(types, type.slice(0, type.lastIndexOf('[')), item))
  if (typeof value === 'object') return Object.fromEntries(membersOf(types, type).map((member) => [member.name, numbersOf(types, member.type, (value as TypedStruct)[member.name] as TypedValue)]))
  return /^u?int/.test(type) ? BigInt(value) : value
}
