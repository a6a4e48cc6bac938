/** Which secp256k1 does the work: decided once, at first use, never at import. */

import { loadNative } from './native.ts'
import { loadNoble } from './noble.ts'
import type { RecoverPublicKey } from './recover-public-key.ts'

let native: RecoverPublicKey | null | undefined
let noble: Promise<RecoverPublicKey> | undefined

/**
 * The back end in use, for a service to say at start: 'noble' means that one verification holds the event loop for
 * milliseconds, not for a tenth of one. Loads the addon if nothing has yet.
 */
export const secp256k1Backend = (): 'native' | 'noble' => nativeRecover() === null ? 'noble' : 'native'

export const loadRecover = async (): Promise<RecoverPublicKey> => nativeRecover() ?? await (noble ??= loadNoble())

/** libsecp256k1's recovery; null where there is no addon for this platform. */
export function nativeRecover (): RecoverPublicKey | null {
  if (native === undefined) native = loadNative()
  return native
}
