/** Ethereum addresses and their EIP-55 letter case. */

import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const HAS_BOTH_CASES = /[a-f].*[A-F]|[A-F].*[a-f]/

export const isHexAddress = (text: string): boolean => ADDRESS.test(text)

/** EIP-55 form of `0x` and 40 hex digits in any case. */
export function checksumAddress (address: string): string {
  const digits = address.slice(2).toLowerCase()
  const hash = bytesToHex(keccak_256(utf8ToBytes(digits)))
  let checksummed = '0x'
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charAt(index)
    checksummed += hash.charAt(index) >= '8' ? digit.toUpperCase() : digit
  }
  return checksummed
}

/** A single-case address carries no checksum to be wrong. */
export const hasMixedCase = (address: string): boolean => HAS_BOTH_CASES.test(address.slice(2))

/** Address, in lower case, of an uncompressed public key (65 bytes, leading 0x04). */
export const hexAddressOfPublicKey = (publicKey: Uint8Array): string =>
  `0x${bytesToHex(keccak_256(publicKey.subarray(1)).subarray(12))}`

/**
 * EIP-55 form of an address in any spelling that a caller may use.
 * @returns undefined for anything that is no address, and for mixed letter case whose checksum is wrong.
 */
export function canonicalEvmAddress (address: string): string | undefined {
  if (typeof address !== 'string' || !isHexAddress(address)) return undefined
  const canonical = checksumAddress(address)
  return hasMixedCase(address) && address !== canonical ? undefined : canonical
}
