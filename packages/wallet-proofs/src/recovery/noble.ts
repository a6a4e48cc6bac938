/** Pure JavaScript, audited, everywhere: @noble/curves. */

import type { RecoverPublicKey } from './recover-public-key.ts'

/** Loaded only where it is needed: its tables cost time at import. */
export async function loadNoble (): Promise<RecoverPublicKey> {
  const { secp256k1 } = await import('@noble/curves/secp256k1.js')

  return (signature, recovery, digest) => {
    try {
      return secp256k1.Signature.fromBytes(signature, 'compact').addRecoveryBit(recovery).recoverPublicKey(digest).toBytes(false)
    } catch {
      return null // noble throws when there is no such point
    }
  }
}
