/** What a key signs in to_sign, which has one input worth nothing and one output: hash type ALL in three dialects. */

import { concatBytes } from '@noble/hashes/utils.js'
import { sha256, sha256Twice, taggedHash } from './hashes.ts'
import { TO_SIGN_OUTPUT, type ToSign } from './virtual-transactions.ts'
import { byteString, uint32 } from './wire-format.ts'

export const SIGHASH_ALL = 1
/** BIP-341 only: as ALL, and not written. */
export const SIGHASH_DEFAULT = 0

const ONE = Uint8Array.of(1)
const NO_VALUE = new Uint8Array(8)
const tapSighash = taggedHash('TapSighash')

/** P2PKH: the transaction with the spent script in the place of the signature. */
export const legacyHash = ({ version, prevout, sequence, lockTime }: ToSign, script: Uint8Array): Uint8Array => sha256Twice(concatBytes(
  uint32(version), ONE, prevout, byteString(script), uint32(sequence), ONE, TO_SIGN_OUTPUT, uint32(lockTime), uint32(SIGHASH_ALL)
))

/** BIP-143, for a witness of version 0. */
export const segwitHash = ({ version, prevout, sequence, lockTime }: ToSign, scriptCode: Uint8Array): Uint8Array => sha256Twice(concatBytes(
  uint32(version), sha256Twice(prevout), sha256Twice(uint32(sequence)),
  prevout, byteString(scriptCode), NO_VALUE, uint32(sequence),
  sha256Twice(TO_SIGN_OUTPUT), uint32(lockTime), uint32(SIGHASH_ALL)
))

/** BIP-341, key path without annex. */
export const taprootHash = ({ version, prevout, sequence, lockTime }: ToSign, script: Uint8Array, hashType: number): Uint8Array => tapSighash(concatBytes(
  Uint8Array.of(0, hashType), uint32(version), uint32(lockTime),
  sha256(prevout), sha256(NO_VALUE), sha256(byteString(script)), sha256(uint32(sequence)), sha256(TO_SIGN_OUTPUT),
  Uint8Array.of(0), uint32(0) // no annex, input 0
))
