/** The spellings of an Ed25519 signature that wallets hand out. */

import { decodeBase58 } from '../encoding/base58.ts'
import { decodeBase64 } from '../encoding/base64.ts'

const SIGNATURE_BYTES = 64

export type SignatureEncoding = 'base58' | 'base64'

export const isSignatureEncoding = (name: unknown): name is SignatureEncoding => name === 'base58' || name === 'base64'

/**
 * The 64 bytes, or null. With no encoding named, the one that reads: never both, because 64 bytes of padded base64 end
 * in two equals signs, which base58 does not have.
 */
export function readSolanaSignature (text: unknown, encoding: SignatureEncoding | undefined): Uint8Array | null {
  if (encoding === 'base58') return decodeBase58(text, SIGNATURE_BYTES)
  const bytes = decodeBase64(text, SIGNATURE_BYTES)
  // A base58 text of another length can read as base64 of fewer bytes.
  if (bytes?.length === SIGNATURE_BYTES) return bytes
  return encoding === undefined ? decodeBase58(text, SIGNATURE_BYTES) : null
}
