/** Does to_sign satisfy the address it spends from? Every address of a single key is read; scripts are not run. */

import { readDerSignature } from '../secp256k1/der-signature.ts'
import { faultOfScalars } from '../secp256k1/scalar-range.ts'
import { verifySchnorrDigest } from '../secp256k1/verify-schnorr.ts'
import { verifySecp256k1Digest } from '../secp256k1/verify.ts'
import { keyHashScript, type Destination } from './address.ts'
import { hash160, sha256 } from './hashes.ts'
import type { BitcoinDoubt, BitcoinRefusal } from './refusals.ts'
import { legacyHash, segwitHash, SIGHASH_ALL, SIGHASH_DEFAULT, taprootHash } from './signature-hash.ts'
import { equalBytes, nestedScriptSig, type ToSign } from './virtual-transactions.ts'
import { createReader } from './wire-format.ts'

/** Undefined: it does. */
type Fault = BitcoinRefusal | BitcoinDoubt | undefined

const NOTHING = new Uint8Array()
const NESTED_LENGTH = nestedScriptSig(new Uint8Array(20)).length

/** Rules of BIP-322 "Verification Process", 2 and 3: consensus, and the required rules on top. */
export function faultOfToSign (toSign: ToSign, destination: Destination): Fault {
  const { type, payload, script } = destination
  const { scriptSig, witness } = toSign

  if (type === 'p2pkh') return faultOfKeyHash(toSign, destination)
  if (type === 'p2sh') return faultOfNested(toSign, payload)
  // BIP-141: what stands in the witness stands nowhere else.
  if (scriptSig.length > 0) return 'script or witness has the wrong shape'
  if (type === 'p2wpkh') return faultOfWitnessKeyHash(toSign, payload)
  if (type === 'p2tr') return faultOfTaproot(toSign, payload, script)
  if (type === 'p2wsh' && !equalBytes(sha256(witness.at(-1) ?? NOTHING), payload)) return 'key or script is not of this address'
  return 'script is not understood'
}

/** P2PKH: the script is a push of the signature and a push of the key, and there is no witness. */
function faultOfKeyHash (toSign: ToSign, { payload, script }: Destination): Fault {
  const reader = createReader(toSign.scriptSig)
  // A push of up to 75 bytes is written as such a string is; no signature and no key is longer.
  const [signature, key] = [reader.byteString(), reader.byteString()]
  if (!reader.finished() || toSign.witness.length > 0) return 'script or witness has the wrong shape'
  if (!equalBytes(hash160(key), payload)) return 'key or script is not of this address'
  return faultOfEcdsa(signature, key, legacyHash(toSign, script))
}

/** P2WPKH, native or nested: signature and compressed key. */
function faultOfWitnessKeyHash (toSign: ToSign, keyHash: Uint8Array): Fault {
  const [signature, key, ...others] = toSign.witness
  if (signature === undefined || key?.length !== 33 || others.length > 0) return 'script or witness has the wrong shape'
  if (!equalBytes(hash160(key), keyHash)) return 'key or script is not of this address'
  return faultOfEcdsa(signature, key, segwitHash(toSign, keyHashScript(keyHash)))
}

/** P2SH: understood where it is P2WPKH inside. */
function faultOfNested (toSign: ToSign, scriptHash: Uint8Array): Fault {
  const { scriptSig } = toSign
  const keyHash = scriptSig.subarray(-20)
  if (scriptSig.length !== NESTED_LENGTH || !equalBytes(scriptSig, nestedScriptSig(keyHash))) return 'script is not understood'
  if (!equalBytes(hash160(scriptSig.subarray(1)), scriptHash)) return 'key or script is not of this address'
  return faultOfWitnessKeyHash(toSign, keyHash)
}

/** P2TR: one signature is the key path; anything longer is a script, or has an annex that signatures would cover. */
function faultOfTaproot (toSign: ToSign, publicKey: Uint8Array, script: Uint8Array): Fault {
  const [signature, ...others] = toSign.witness
  if (signature === undefined) return 'script or witness has the wrong shape'
  if (others.length > 0) return 'script is not understood'

  const { length } = signature
  if (length !== 64 && length !== 65) return 'script or witness has the wrong shape'
  if (length === 65 && signature[64] !== SIGHASH_ALL) return 'signature hash type is not ALL' // the default is not written
  const digest = taprootHash(toSign, script, length === 64 ? SIGHASH_DEFAULT : SIGHASH_ALL)
  return verifySchnorrDigest(signature.subarray(0, 64), digest, publicKey) ? undefined : 'signature is not by this address'
}

function faultOfEcdsa (signature: Uint8Array, key: Uint8Array, digest: Uint8Array): Fault {
  if (signature.at(-1) !== SIGHASH_ALL) return 'signature hash type is not ALL'
  const compact = readDerSignature(signature.subarray(0, -1))
  if (compact === null) return 'signature is not strict DER'
  return faultOfScalars(compact) ?? (verifySecp256k1Digest(compact, digest, key) ? undefined : 'signature is not by this address')
}
