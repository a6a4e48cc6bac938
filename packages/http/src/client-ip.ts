/**
 * Who is calling, for limits and logs. X-Forwarded-For is text that anybody can write: only what the known number
 * of proxies appended on the right is believed, and a chain that is too short or garbled counts as one shared caller.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import './augmentation.ts'

/** The bucket of everybody whose address cannot be told: shared, so that hiding it buys nothing. */
export const unknownClient = 'unknown'

/**
 * The caller as limits count it: an IPv4 address, the /64 of an IPv6 address (one subscriber has 2^64 addresses),
 * or `unknown`. Equal for every spelling of one address.
 */
export const clientIp = (request: FastifyRequest): string => limitKeyOf(clientAddress(request))

/** The caller's whole address in its one canonical spelling, or `unknown`. */
export const clientAddress = (request: FastifyRequest): string => {
  const { trustedHops } = request.server
  const socketAddress = request.raw.socket.remoteAddress ?? ''
  if (trustedHops === 0) return canonicalAddress(socketAddress) ?? unknownClient

  const forwarded = request.headers['x-forwarded-for']
  const chain = forwarded === undefined ? [] : String(forwarded).split(',')
  // The socket is the nearest hop; the proxy N hops away wrote the address of whoever called it.
  const written = chain.at(-trustedHops)
  return (written === undefined ? undefined : canonicalAddress(written)) ?? unknownClient
}

/** @returns the address as limits count it, given its canonical spelling */
export const limitKeyOf = (address: string): string =>
  isIPv6(address) ? `${groupsOf(address).slice(0, 4).map((group) => group.toString(16)).join(':')}::/64` : address

/**
 * @param text an address, maybe in brackets, with a port or a zone, as proxies write them
 * @returns IPv4 dotted, also for IPv4-mapped IPv6; IPv6 as eight groups in lower-case hex; undefined when it is no address
 */
export const canonicalAddress = (text: string): string | undefined => {
  const bare = withoutPortAndZone(text.trim())
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return undefined

  const groups = groupsOf(bare)
  return mappedIPv4(groups) ?? groups.map((group) => group.toString(16)).join(':')
}

const withoutPortAndZone = (text: string): string => {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text)
  const address = bracketed?.[1] ?? withPort?.[1] ?? text
  return address.split('%', 1)[0] ?? ''
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf (address: string): number[] {
  const [head = '', tail] = address.split('::')
  const left = groupsOfSide(head)
  if (tail === undefined) return left
  const right = groupsOfSide(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function groupsOfSide (side: string): number[] {
  if (side === '') return []
  return side.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

/** `::ffff:a.b.c.d` is how a dual-stack socket shows an IPv4 caller. */
function mappedIPv4 (groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255].join('.') : undefined
}
