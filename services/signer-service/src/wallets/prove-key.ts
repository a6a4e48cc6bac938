import { randomBytes } from 'node:crypto'
import type { KeyRing } from '@countersign/kms'

/**
 * The ring refuses a signature that does not recover the key's address, so one signature of random bytes proves that this key signs for it.
 * @returns the address, EIP-55. @throws KmsFault
 */
export async function proveKey (keyRing: Pick<KeyRing, 'address' | 'signDigest'>, keyId: string): Promise<string> {
  const address = await keyRing.address(keyId)
  await keyRing.signDigest(keyId, randomBytes(32))
  return address
}
