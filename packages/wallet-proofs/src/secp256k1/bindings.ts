/** libsecp256k1 through the N-API addon of the `secp256k1` package: a whole verification in a tenth of the time. */

import { createRequire } from 'node:module'

/** What is used of the addon. All of it throws where a signature or a key cannot be read. */
export interface Bindings {
  ecdsaRecover (signature: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean): Uint8Array
  ecdsaVerify (signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean
}

let bindings: Bindings | null | undefined

/** Null where the package has no binary for this platform, or is not installed. Loaded at first use, never at import. */
export function loadBindings (): Bindings | null {
  if (bindings === undefined) bindings = requireBindings()
  return bindings
}

function requireBindings (): Bindings | null {
  try {
    // Never the package's index.js: where the addon is missing it turns to `elliptic` (GHSA-vjh7-7g9h-fjfh) in silence.
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Bindings
  } catch {
    return null
  }
}
