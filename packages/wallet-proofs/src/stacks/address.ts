/** Stacks addresses of a single compressed key, on either network. */

import { bytesToHex } from '@noble/hashes/utils.js'
import { readC32Check, writeC32Check, type StacksAccount } from './c32-check.ts'

export type StacksNetwork = 'mainnet' | 'testnet' | 'devnet'

// SIP-005, "P2PKH": SP… and ST…. The multi-signature versions 20 and 21 belong to no single key.
const VERSIONS: ReadonlyMap<unknown, number> = new Map([['mainnet', 22], ['testnet', 26], ['devnet', 26]])
const SINGLE_KEY = new Set(VERSIONS.values())
// Asked before any change of case: toUpperCase makes "S" of U+017F.
const ALL_LOWER = /^s[0-9a-hjkmnp-tv-z]+$/

/** Undefined: no network of this name. */
export const versionOfNetwork = (network: unknown): number | undefined => VERSIONS.get(network)

/** An address in upper case, or all in lower case as some stores keep it. Undefined: no address of a single key. */
export function readStacksAddress (address: unknown): StacksAccount | undefined {
  if (typeof address !== 'string' || address.length > 42) return undefined
  const account = readC32Check(ALL_LOWER.test(address) ? address.toUpperCase() : address)
  return account && SINGLE_KEY.has(account.version) ? account : undefined
}

/**
 * The upper-case form of an address.
 * @returns undefined for mixed case, a wrong checksum, an address of another network or of several keys, and whatever is
 * no address
 */
export function canonicalStacksAddress (address: string, network: StacksNetwork): string | undefined {
  const account = readStacksAddress(address)
  return account !== undefined && account.version === versionOfNetwork(network) ? writeC32Check(account) : undefined
}

/**
 * The address of the same key on a network, in upper case.
 * @returns undefined where no address of a single key can be read, or no network is known by this name
 */
export function stacksAddressOn (address: string, network: StacksNetwork): string | undefined {
  const account = readStacksAddress(address)
  const version = versionOfNetwork(network)
  return account !== undefined && version !== undefined ? writeC32Check({ version, hash: account.hash }) : undefined
}

/**
 * The 20 bytes (hash160 of the key) of an address of any network, in lower-case hex: one key has the same on all of them,
 * so it is what to key accounts by.
 * @returns undefined where no address of a single key can be read
 */
export function stacksAccountHash (address: string): string | undefined {
  const account = readStacksAddress(address)
  return account && bytesToHex(account.hash)
}
