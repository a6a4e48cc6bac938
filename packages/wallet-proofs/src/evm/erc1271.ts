/** ERC-1271: the contract at an address says whether a signature is its own. */

import { bytesToHex } from '@noble/hashes/utils.js'

const selector = '1626ba7e'

/** The one right answer: the selector itself, as bytes4 in a word of its own. */
export const magicValue = `0x${selector.padEnd(64, '0')}`

/** Calldata of `isValidSignature(bytes32 hash, bytes signature)` in hex. @param signature in hex; both without 0x. */
export function isValidSignatureCalldata (hash: Uint8Array, signature: string): string {
  const size = signature.length / 2
  const padded = signature.padEnd(Math.ceil(size / 32) * 64, '0')
  return `${selector}${bytesToHex(hash)}${word(0x40)}${word(size)}${padded}`
}

const word = (value: number): string => value.toString(16).padStart(64, '0')
