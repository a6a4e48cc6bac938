/** libsecp256k1 through the N-API addon of the `secp256k1` package: a whole verification in a tenth of the time. */

import { createRequire } from 'node:module'
import type { RecoverPublicKey } from './recover-public-key.ts'

interface Bindings {
  ecdsaRecover (signature: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean): Uint8Array
}

/** Null where the package has no binary for this platform, or is not installed. */
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

function loadBindings (): Bindings | null {
  try {
    // Never the package's index.js: where the addon is missing it turns to `elliptic` (GHSA-vjh7-7g9h-fjfh) in silence.
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Bindings
  } catch {
    return null
  }
}
