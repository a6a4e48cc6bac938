/** Recovery by libsecp256k1. */

import { loadBindings } from '../secp256k1/bindings.ts'
import type { RecoverPublicKey } from './recover-public-key.ts'

/** Null where there is no addon for this platform. */
export function loadNative (): RecoverPublicKey | null {
  const bindings = loadBindings()
  if (bindings === null) return null

  return (signature, recovery, digest) => {
    try {
      return bindings.ecdsaRecover(signature, recovery, digest, false)
    } catch {
      return null // the addon throws when there is no such point
    }
  }
}
