/** libsecp256k1 through the N-API addon of the `secp256k1` package: a whole verification in a tenth of the time. */

import { createRequire } from 'node:module'

/** What is used of the addon. All of it throws where a signature or a key cannot be read. */
export interface Bindings {
  ecdsaRecover (signature: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean): Uint8Array
  ecdsaVerify (signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean
  /** In place: the same array is given back. 1 to n-1 only. */
  privateKeyNegate (scalar: Uint8Array): Uint8Array
  /** scalar·G, 33 bytes; 1 to n-1 only. */
  publicKeyCreate (scalar: Uint8Array): Uint8Array
  /** scalar·point, 33 bytes; 1 to n-1 only. */
  publicKeyTweakMul (point: Uint8Array, scalar: Uint8Array): Uint8Array
  /** The sum, 33 bytes; never at infinity. */
  publicKeyCombine (points: readonly Uint8Array[]): Uint8Array
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
