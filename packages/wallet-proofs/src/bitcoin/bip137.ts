/** The signed messages of old (BIP-137): 65 bytes, a header and r and s, from which the key is recovered. */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { loadRecover } from '../recovery/backend.ts'
import { faultOfScalars } from '../secp256k1/scalar-range.ts'
import { witnessScript, type Destination } from './address.ts'
import { hash160, sha256Twice } from './hashes.ts'
import type { BitcoinRefusal } from './refusals.ts'
import { byteString } from './wire-format.ts'
import { equalBytes } from './virtual-transactions.ts'

export const COMPACT_LENGTH = 65

/** First header, last header, and what an address of this type holds of the recovered key. */
const FORMS: ReadonlyArray<readonly [number, number, Destination['type'], (uncompressed: Uint8Array) => Uint8Array]> = [
  [27, 30, 'p2pkh', hash160],
  [31, 34, 'p2pkh', (key) => hash160(compress(key))],
  [35, 38, 'p2sh', (key) => hash160(witnessScript(0, hash160(compress(key))))],
  [39, 42, 'p2wpkh', (key) => hash160(compress(key))]
]

const MAGIC = utf8ToBytes('Bitcoin Signed Message:\n')

export const hasCompactForm = ({ type }: Destination): boolean => FORMS.some(([,, formType]) => formType === type)

/** What is wrong with 65 bytes as the signature of a message (in UTF-8) by an address; undefined: nothing. */
export async function faultOfCompact (signature: Uint8Array, message: Uint8Array, { type, payload }: Destination): Promise<BitcoinRefusal | undefined> {
  const header = signature[0] ?? 0
  // Wallets differ in how they read a header; the strict reading leaves one signature one address.
  const form = FORMS.find(([first, last, formType]) => header >= first && header <= last && formType === type)
  if (form === undefined) return 'signature header does not fit the address'
  const [first,,, payloadOf] = form

  const compact = signature.subarray(1)
  const fault = faultOfScalars(compact)
  if (fault !== null) return fault

  const recovery = header - first
  // 2 and 3 mean an r beyond the order: one signature in 2^127, so no wallet's.
  if (recovery !== 0 && recovery !== 1) return 'signature recovers no key'
  const recover = await loadRecover()
  const key = recover(compact, recovery, sha256Twice(concatBytes(byteString(MAGIC), byteString(message))))
  if (key === null) return 'signature recovers no key'
  return equalBytes(payloadOf(key), payload) ? undefined : 'signature is not by this address'
}

/** SEC 1 §2.3.3: x, and whether y is odd. */
function compress (uncompressed: Uint8Array): Uint8Array {
  const odd = (uncompressed.at(-1) ?? 0) % 2
  return concatBytes(Uint8Array.of(2 + odd), uncompressed.subarray(1, 33))
}
