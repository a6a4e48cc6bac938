/** EIP-712 for a struct without structs or arrays in it, prepared once for its type: the digests of intents are made at every admission and before every signature. */
import { bytesToHex, keccak256 } from 'viem/utils'

export type FlatType = 'string' | 'address' | 'bytes32' | 'uint256'
export interface FlatField { readonly name: string, readonly type: FlatType }

const wordBytes = 32
const hashOf = (bytes: Uint8Array): Uint8Array => keccak256(bytes, 'bytes')
const hashOfText = (text: string): Uint8Array => hashOf(Buffer.from(text, 'utf8'))

/**
 * @param fields in the order of encodeType
 * @returns what makes the digest of a message (EIP-712, "hashStruct" and "eth_signTypedData"): 0x and 64 lower-case hex digits.
 * Addresses and hashes are 0x hex, numbers are decimal texts or safe integers. @throws TypeError for anything else, naming the field
 */
export function flatDigest<Message extends { readonly [Name in keyof Message]: string | number }> (domain: { readonly name: string, readonly version: string }, struct: string, fields: readonly FlatField[]): (message: Message) => `0x${string}` {
  const typeHash = hashOfText(`${struct}(${fields.map(({ name, type }) => `${type} ${name}`).join(',')})`)
  const separator = hashOf(Buffer.concat([hashOfText('EIP712Domain(string name,string version)'), hashOfText(domain.name), hashOfText(domain.version)]))
  return (message) => {
    const encoded = Buffer.alloc((fields.length + 1) * wordBytes)
    encoded.set(typeHash)
    for (const [index, { name, type }] of fields.entries()) encoded.set(word(name, type, message[name as keyof Message]), (index + 1) * wordBytes)
    return bytesToHex(hashOf(Buffer.concat([eip191Prefix, separator, hashOf(encoded)])))
  }
}

const eip191Prefix = Buffer.of(0x19, 0x01)

function word (name: string, type: FlatType, value: string | number | undefined): Uint8Array {
  if (type === 'string' && typeof value === 'string') return hashOfText(value)
  if (type === 'uint256') return Buffer.from(numberOf(name, value).toString(16).padStart(2 * wordBytes, '0'), 'hex')
  const digits = type === 'address' ? 40 : 64
  if (typeof value !== 'string' || value.length !== digits + 2 || !/^0x[0-9a-fA-F]+$/.test(value)) throw wrong(name)
  return Buffer.from(value.slice(2).padStart(2 * wordBytes, '0'), 'hex')
}

function numberOf (name: string, value: string | number | undefined): bigint {
  const isWhole = typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : value !== undefined && /^[0-9]{1,78}$/.test(value)
  const number = isWhole ? BigInt(value as string | number) : -1n
  if (number < 0n || number >= 1n << 256n) throw wrong(name)
  return number
}

const wrong = (name: string): TypeError => new TypeError(`${name} cannot be hashed as its type`)
