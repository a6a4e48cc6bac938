/** Reads a Sign-In with Ethereum message by the grammar of EIP-4361, all of it and nothing beside it. */

import { checksumAddress, isHexAddress } from '../evm/address.ts'
import { optionalFields, requiredFields, type OptionalKey, type RequiredKey } from './fields.ts'
import type { SiweRefusal } from './refusals.ts'
import { hostOf, isScheme, isUri } from './uri.ts'

export interface SiweMessage {
  /** What stood before `://` on the first line. */
  readonly scheme?: string
  /** RFC 3986 authority as written: compare it whole, userinfo and port included. */
  readonly domain: string
  /** EIP-55 form. */
  readonly address: string
  /** Absent and empty are two forms of the grammar with one meaning. */
  readonly statement?: string
  readonly uri: string
  readonly version: string
  readonly chainId: number
  readonly nonce: string
  /** RFC 3339, as written; `Date.parse` reads it. So are the next two. */
  readonly issuedAt: string
  readonly expirationTime?: string
  readonly notBefore?: string
  readonly requestId?: string
  readonly resources?: readonly string[]
}

export type SiweResult =
  | { readonly ok: true, readonly message: SiweMessage }
  | { readonly ok: false, readonly reason: SiweRefusal }

type Read<T> = { readonly ok: true, readonly value: T, readonly next: number } | { readonly ok: false, readonly reason: SiweRefusal }

const MAX_BYTES = 10_240
const GREETING = ' wants you to sign in with your Ethereum account:'
// `reserved / unreserved / " "` of RFC 3986: no line break, and no percent sign or quotation mark either.
const STATEMENT = /^[A-Za-z0-9._~:/?#[\]@!$&'()*+,;= -]*$/

/**
 * Form only: whether domain, nonce, chain and times are the expected ones is the caller's to check. Whatever parses can
 * be written back to the identical text, so no second reader can see another message in it. Any value as input gives a
 * result, never an exception. Source: ERC-4361, ABNF; RFC 3986; RFC 3339; ERC-55.
 */
export function parseSiweMessage (text: string): SiweResult {
  if (typeof text !== 'string') return refuse('message is not text')
  // Bytes and UTF-16 units are the same number for what can parse: every character of the grammar is ASCII.
  if (text.length > MAX_BYTES) return refuse('message is longer than 10 KB')
  if (text.includes('\r')) return refuse('message has a carriage return')
  const lines = text.split('\n')

  const origin = readOrigin(lines[0] ?? '')
  if (!origin.ok) return origin
  const address = lines[1] ?? ''
  if (!isHexAddress(address)) return refuse('address is not valid')
  if (checksumAddress(address) !== address) return refuse('address checksum is wrong')

  const statement = readStatement(lines)
  if (!statement.ok) return statement
  const required = readRequired(lines, statement.next)
  if (!required.ok) return required
  const optional = readOptional(lines, required.next)
  if (!optional.ok) return optional
  const resources = readResources(lines, optional.next)
  if (!resources.ok) return resources
  if (resources.next !== lines.length) return refuse('message goes on after its last field')

  const { chainId, ...texts } = required.value
  return {
    ok: true,
    message: { ...origin.value, address, ...statement.value, ...texts, chainId: Number(chainId), ...optional.value, ...resources.value }
  }
}

const refuse = (reason: SiweRefusal): { readonly ok: false, readonly reason: SiweRefusal } => ({ ok: false, reason })

function readOrigin (line: string): Read<Pick<SiweMessage, 'scheme' | 'domain'>> {
  if (!line.endsWith(GREETING)) return refuse('first line is not valid')
  const origin = line.slice(0, -GREETING.length)
  const mark = origin.indexOf('://')
  const scheme = mark < 0 ? {} : { scheme: origin.slice(0, mark) }
  const domain = mark < 0 ? origin : origin.slice(mark + 3)

  if (scheme.scheme !== undefined && !isScheme(scheme.scheme)) return refuse('scheme is not valid')
  // RFC 3986 has an empty host; a required field that names the asker cannot.
  if (!hostOf(domain)) return refuse('domain is not valid')
  return { ok: true, value: { ...scheme, domain }, next: 1 }
}

/** After the address: a blank line, then one more, with the statement, which may itself be empty, between them. */
function readStatement (lines: readonly string[]): Read<Pick<SiweMessage, 'statement'>> {
  const [blank, statement, after] = lines.slice(2, 5)
  if (blank !== '' || statement === undefined) return refuse('blank lines are missing')
  if (statement === '' && after !== '') return { ok: true, value: {}, next: 4 }

  if (!STATEMENT.test(statement)) return refuse('statement is not valid')
  if (after !== '') return refuse('blank lines are missing')
  return { ok: true, value: { statement }, next: 5 }
}

function readRequired (lines: readonly string[], start: number): Read<Record<RequiredKey, string>> {
  const value: Record<RequiredKey, string> = { uri: '', version: '', chainId: '', nonce: '', issuedAt: '' }
  for (const [index, { key, name, accepts }] of requiredFields.entries()) {
    const text = valueOf(lines[start + index], name)
    if (text === undefined) return refuse(`${name} is missing or out of place`)
    if (!accepts(text)) return refuse(`${name} is not valid`)
    value[key] = text
  }
  return { ok: true, value, next: start + requiredFields.length }
}

function readOptional (lines: readonly string[], start: number): Read<Partial<Record<OptionalKey, string>>> {
  const value: Partial<Record<OptionalKey, string>> = {}
  let next = start
  for (const { key, name, accepts } of optionalFields) {
    const text = valueOf(lines[next], name)
    if (text === undefined) continue
    if (!accepts(text)) return refuse(`${name} is not valid`)
    value[key] = text
    next += 1
  }
  return { ok: true, value, next }
}

function readResources (lines: readonly string[], start: number): Read<Pick<SiweMessage, 'resources'>> {
  if (lines[start] !== 'Resources:') return { ok: true, value: {}, next: start }
  const items = lines.slice(start + 1)
  if (!items.every((item) => item.startsWith('- ') && isUri(item.slice(2)))) return refuse('a resource is not valid')
  return { ok: true, value: { resources: items.map((item) => item.slice(2)) }, next: lines.length }
}

const valueOf = (line: string | undefined, name: string): string | undefined =>
  line?.startsWith(`${name}: `) ? line.slice(name.length + 2) : undefined
