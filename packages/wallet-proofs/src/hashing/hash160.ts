/** What Bitcoin, Stacks and Cosmos make of a public key or script for its address. */
import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** @returns RIPEMD-160 of the SHA-256, 20 bytes. */
export const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(sha256(bytes))
