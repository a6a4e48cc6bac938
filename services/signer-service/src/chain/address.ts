import { getAddress, isAddress } from 'viem/utils'

/**
 * @param text 0x and 40 hex digits.
 * @returns the EIP-55 form; undefined when mixed case carries a wrong checksum: one digit was mistyped.
 */
export function checksummed (text: string): `0x${string}` | undefined {
  const digits = text.slice(2)
  const oneCase = digits === digits.toLowerCase() || digits === digits.toUpperCase()
  if (!oneCase && !isAddress(text, { strict: true })) return undefined
  return isAddress(text.toLowerCase()) ? getAddress(text.toLowerCase()) : undefined
}

export const zeroAddress = '0x0000000000000000000000000000000000000000'
