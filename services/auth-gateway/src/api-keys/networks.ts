/** Source networks of an API key: addresses and CIDR blocks (RFC 4632, RFC 4291 §2.3). */
import { BlockList, isIP } from 'node:net'

const parse = (text: string): { address: string, prefix: number, family: 'ipv4' | 'ipv6' } | undefined => {
  const [address = '', length] = text.split('/')
  const version = isIP(address)
  if (version === 0) return undefined
  const most = version === 4 ? 32 : 128
  const prefix = length === undefined ? most : Number(length)
  return prefix <= most ? { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' } : undefined
}

export const isNetwork = (text: string): boolean => parse(text) !== undefined

/** @param address in its canonical spelling; anything else is in no network */
export const isWithin = (networks: readonly string[], address: string): boolean => {
  const version = isIP(address)
  if (version === 0) return false
  const list = new BlockList()
  for (const network of networks) {
    const block = parse(network)
    if (block !== undefined) list.addSubnet(block.address, block.prefix, block.family)
  }
  return list.check(address, version === 4 ? 'ipv4' : 'ipv6')
}
