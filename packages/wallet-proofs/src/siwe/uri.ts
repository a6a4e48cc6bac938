/** RFC 3986 by its own grammar: the platform's URL parser repairs what it reads, and a repaired name is not the one signed. */

const UNRESERVED = 'A-Za-z0-9._~\\-'
const SUB_DELIMS = '!$&\'()*+,;='

// One character or one escape per step, so that a text of any shape is read in linear time.
const onlyOf = (more: string): RegExp => new RegExp(`^(?:[${UNRESERVED}${SUB_DELIMS}${more}]|%[0-9A-Fa-f]{2})*$`)

const REG_NAME = onlyOf('')
const USERINFO = onlyOf(':')
const SEGMENT = onlyOf(':@')
const PATH = onlyOf(':@/')
const QUERY = onlyOf(':@/?')

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/
const URI_PARTS = /^([^:/?#]+):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/
const BRACKETED_HOST = /^\[([^\]]*)\](?::[0-9]*)?$/
const NAMED_HOST = /^([^:]*)(?::[0-9]*)?$/

const IP_FUTURE = new RegExp(`^[Vv][0-9A-Fa-f]+\\.[${UNRESERVED}${SUB_DELIMS}:]+$`)
const GROUP = /^[0-9A-Fa-f]{1,4}$/
const OCTET = /^(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])$/

export const isScheme = (text: string): boolean => SCHEME.test(text)

/** `*pchar`, empty included. */
export const isPathCharacters = (text: string): boolean => SEGMENT.test(text)

export function isUri (text: string): boolean {
  const parts = URI_PARTS.exec(text)
  if (parts === null) return false
  const [, scheme = '', authority, path = '', query = '', fragment = ''] = parts

  return isScheme(scheme) && (authority === undefined || hostOf(authority) !== null) &&
    PATH.test(path) && QUERY.test(query) && QUERY.test(fragment)
}

/** The host of an authority, brackets included, possibly empty (`file:///`); null: it is no authority. */
export function hostOf (authority: string): string | null {
  const at = authority.indexOf('@')
  if (at >= 0 && !USERINFO.test(authority.slice(0, at))) return null
  const hostAndPort = authority.slice(at + 1)

  if (hostAndPort.startsWith('[')) {
    const literal = BRACKETED_HOST.exec(hostAndPort)?.[1]
    return literal !== undefined && (isIpv6(literal) || IP_FUTURE.test(literal)) ? `[${literal}]` : null
  }

  const name = NAMED_HOST.exec(hostAndPort)?.[1]
  return name !== undefined && REG_NAME.test(name) ? name : null
}

function isIpv6 (text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const [head = '', tail] = halves

  // An IPv4 address may only be the end of the whole.
  const groups = countGroups(head, tail === undefined)
  const rest = tail === undefined ? 0 : countGroups(tail, true)
  return tail === undefined ? groups === 8 : groups + rest <= 7
}

/** How many 16-bit groups a colon-separated list has; NaN, which no comparison accepts, when it is none. */
function countGroups (list: string, mayEndInIpv4: boolean): number {
  if (list === '') return 0
  const items = list.split(':')
  const last = items.at(-1) ?? ''
  if (mayEndInIpv4 && isIpv4(last)) return items.slice(0, -1).every((item) => GROUP.test(item)) ? items.length + 1 : NaN

  return items.every((item) => GROUP.test(item)) ? items.length : NaN
}

function isIpv4 (text: string): boolean {
  const octets = text.split('.')
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet))
}
