/** BIP-322 "Full": to_spend, which nobody can spend, carries the message and the address; to_sign spends it. */

import { Buffer } from 'node:buffer'
import { concatBytes } from '@noble/hashes/utils.js'
import { hash160, sha256Twice, taggedHash } from './hashes.ts'
import { witnessScript, type Destination } from './address.ts'
import { byteString, createReader, uint32 } from './wire-format.ts'

export interface ToSign {
  readonly version: number
  /** What its one input spends: transaction id as hashed, then the output's index; 36 bytes. */
  readonly prevout: Uint8Array
  readonly scriptSig: Uint8Array
  readonly witness: readonly Uint8Array[]
  readonly sequence: number
  readonly lockTime: number
}

/** Its one output: no value, to OP_RETURN. */
export const TO_SIGN_OUTPUT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 0x6a)

const ONE = Uint8Array.of(1)
const NONE = new Uint8Array()
const messageHash = taggedHash('BIP0322-signed-message')

/** What to_sign must spend, for this message (in UTF-8) at this address. */
export function toSpendOutput (message: Uint8Array, { script }: Pick<Destination, 'script'>): Uint8Array {
  const id = sha256Twice(concatBytes(
    uint32(0), // version
    ONE, new Uint8Array(32), uint32(0xffffffff), byteString(concatBytes(Uint8Array.of(0, 32), messageHash(message))), uint32(0),
    ONE, new Uint8Array(8), byteString(script),
    uint32(0) // lock time
  ))
  return concatBytes(id, uint32(0))
}

/** "Full": the whole transaction, in the form that every node writes. Undefined: it is not one input and that output. */
export function readToSign (bytes: Uint8Array): ToSign | undefined {
  const reader = createReader(bytes)
  const version = reader.number(4)
  const inputs = reader.compactSize()
  const segwit = inputs === 0 // BIP-144: a marker where the count would stand, then a flag
  const shape = segwit ? reader.number(1) === 1 && reader.compactSize() === 1 : inputs === 1

  const prevout = reader.take(36)
  const scriptSig = reader.byteString()
  const sequence = reader.number(4)
  const output = reader.compactSize() === 1 && equalBytes(reader.take(TO_SIGN_OUTPUT.length), TO_SIGN_OUTPUT)
  const witness = segwit ? reader.byteStrings() : []
  const lockTime = reader.number(4)

  // BIP-144: a transaction without witness is written without flag.
  const whole = reader.finished() && shape && output && segwit === witness.length > 0
  return whole ? { version, prevout, scriptSig, witness, sequence, lockTime } : undefined
}

/** "Simple": the witness alone; all else is as BIP-322 sets it. */
export function readSimple (bytes: Uint8Array, prevout: Uint8Array, { type }: Pick<Destination, 'type'>): ToSign | undefined {
  const reader = createReader(bytes)
  const witness = reader.byteStrings()
  if (!reader.finished()) return undefined

  // Only P2SH-P2WPKH gets here with P2SH: its script follows from the key.
  const scriptSig = type === 'p2sh' ? nestedScriptSig(hash160(witness[1] ?? NONE)) : NONE
  return { version: 0, prevout, scriptSig, witness, sequence: 0, lockTime: 0 }
}

/** P2SH-P2WPKH (BIP-141): one push of the witness script. */
export const nestedScriptSig = (keyHash: Uint8Array): Uint8Array => byteString(witnessScript(0, keyHash))

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
