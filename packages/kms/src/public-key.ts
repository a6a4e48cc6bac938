/** From the SPKI that GetPublicKey answers to the key and its address. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address } from './key-ring.ts'

/** The KMS answered with something else than a secp256k1 public key, or with another than before. */
export class PublicKeyRefused extends Error {
  override readonly name = 'PublicKeyRefused'
}

/**
 * SEQUENCE { SEQUENCE { OID ecPublicKey, OID secp256k1 }, BIT STRING of 65 bytes, no unused bits }: RFC 5480 §2, SEC 2 §2.4.1.
 * The whole prefix is compared: the last 65 bytes of a P-256 key look alike and would give an address that nobody can sign for.
 */
const spkiPrefix = Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex')

/**
 * @param spki DER, 88 bytes
 * @returns 65 bytes: 0x04, x, y, a point of the curve
 * @throws PublicKeyRefused
 */
export function publicKeyFromSpki (spki: Uint8Array): Uint8Array {
  if (spki.length !== spkiPrefix.length + 65 || Buffer.compare(spki.subarray(0, spkiPrefix.length), spkiPrefix) !== 0) throw new PublicKeyRefused('not the SPKI of a secp256k1 key')
  const key = spki.slice(spkiPrefix.length)
  if (key[0] !== 0x04 || !secp256k1.utils.isValidPublicKey(key, false)) throw new PublicKeyRefused('not a point of secp256k1')
  return key
}

/**
 * @param publicKey 65 bytes
 * @returns the address with its EIP-55 checksum
 */
export function addressOf (publicKey: Uint8Array): Address {
  const address = Buffer.from(keccak_256(publicKey.subarray(1)).subarray(-20)).toString('hex')
  const checksum = Buffer.from(keccak_256(Buffer.from(address, 'ascii'))).toString('hex')
  return `0x${Array.from(address, (digit, index) => parseInt(checksum.charAt(index), 16) >= 8 ? digit.toUpperCase() : digit).join('')}`
}
