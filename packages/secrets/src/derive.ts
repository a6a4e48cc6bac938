/** One root secret, many keys: HKDF-SHA-256 with one label per purpose. */
import { hkdfSync } from 'node:crypto'

const shortestSecret = 32

/**
 * @param secretKey SECRET_KEY: at least 32 characters, with the entropy of at least 128 bits.
 * @param label what the key is for, with a version, for example `otp/code/v1`. Two labels give unrelated keys.
 * @param length bytes, at most 8160 (RFC 5869 §2.3).
 * @throws Error when the secret is too short or the label is empty.
 */
export function deriveKey (secretKey: string, label: string, length = 32): Buffer {
  if (secretKey.length < shortestSecret) throw new Error(`a root secret needs at least ${shortestSecret} characters`)
  if (label === '') throw new Error('a derived key needs a label')
  return hkdfSha256(secretKey, '', label, length)
}

/** RFC 5869. Without a salt: the root secret is random already (§3.1). */
export const hkdfSha256 = (secret: string | Uint8Array, salt: string | Uint8Array, info: string | Uint8Array, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, length))
