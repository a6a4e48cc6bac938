/** Are these bytes signed by this Ed25519 key? */

import { copyBytes } from '../input/bytes.ts'
import { readProperties } from '../input/properties.ts'
import { isStrictSignature } from './strict.ts'
import { importEd25519Key, isSignedBy } from './verify.ts'

export interface Ed25519Proof {
  /** At most 16 MiB, signed as they are. */
  readonly message: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 // hashed in some 50 ms

/**
 * Checks an Ed25519 signature as Solana's validators do: RFC 8032 §5.1.7 without the cofactor, S below the order, R and
 * the key canonical and of no small order (the last is stricter than the RFC; ZIP-215 is looser in all of it). Any value
 * as input gives a verdict, never an exception.
 */
export function verifyEd25519 (proof: Ed25519Proof): { valid: boolean } {
  const read = readProperties(proof, ['message', 'signature', 'publicKey'])
  const message = copyBytes(read?.message, 0, MAX_MESSAGE_BYTES)
  const signature = copyBytes(read?.signature, 64)
  const publicKey = copyBytes(read?.publicKey, 32)
  if (message === null || signature === null || publicKey === null || !isStrictSignature(signature)) return { valid: false }

  const key = importEd25519Key(publicKey)
  return { valid: key !== null && isSignedBy(key, message, signature) }
}
