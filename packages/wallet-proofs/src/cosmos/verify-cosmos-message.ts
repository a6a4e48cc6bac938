/** Is this text signed, by ADR-36, by the key of this Cosmos address? */

import { createHash } from 'node:crypto'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { decodeBase64 } from '../encoding/base64.ts'
import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { faultOfScalars } from '../secp256k1/scalar-range.ts'
import { verifySecp256k1Digest } from '../secp256k1/verify.ts'
import { hashOfPublicKey, readCosmosAddress, writeCosmosAddress, type CosmosMode } from './address.ts'
import { cosmosPrefixes, readPrefixes } from './prefixes.ts'
import type { CosmosRefusal } from './refusals.ts'
import { arbitrarySignDoc } from './sign-doc.ts'

export interface CosmosProof {
  /** The text as the wallet was asked to sign it, not in base64. */
  readonly message: string
  /** Base64 of 64 bytes: r and s. */
  readonly signature: string
  /** Base64 of the 33 bytes of the compressed key. */
  readonly publicKey: string
  /** Bech32, in lower or in upper case. */
  readonly address: string
  /** Prefixes to accept, in lower case; those of `cosmosPrefixes` for the mode where none are given. */
  readonly prefixes?: readonly string[]
  /** How the chain derives addresses and hashes what is signed; 'ethsecp256k1' for Injective, Evmos and their like. */
  readonly mode?: CosmosMode
}

export interface CosmosVerdict {
  readonly valid: boolean
  /** The signer in lower case, when valid. */
  readonly address?: string
  /** The mode that the proof was checked in, when valid. */
  readonly method?: CosmosMode
  /** Why not, when not valid. */
  readonly reason?: CosmosRefusal
}

/**
 * Checks an ADR-36 signature. Says who signed what, and nothing about domain, nonce, chain or time: those are the
 * caller's, and must stand in the message, because ADR-36 binds to none of them. Any value as input gives a verdict,
 * never a rejection. Sources: ADR-036 of cosmos-sdk with the empty chain id that wallets sign, BIP 173, SEC 1 §4.1.4.
 */
export async function verifyCosmosMessage (proof: CosmosProof): Promise<CosmosVerdict> {
  const read = readProperties(proof, ['message', 'signature', 'publicKey', 'address', 'prefixes', 'mode'])
  if (read === null) return refuse('input is not readable')

  const { mode = 'secp256k1' } = read
  if (mode !== 'secp256k1' && mode !== 'ethsecp256k1') return refuse('mode is not known')
  const prefixes = read.prefixes === undefined ? cosmosPrefixes[mode] : readPrefixes(read.prefixes)
  if (prefixes === undefined) return refuse('prefixes are not a list of lower-case bech32 prefixes')

  const message = readText(read.message)
  if (typeof message === 'string') return refuse(message)

  const account = readCosmosAddress(read.address)
  if (account === undefined) return refuse('address is not 20 bytes in bech32')
  if (!(prefixes as readonly string[]).includes(account.prefix)) return refuse('address prefix is not accepted')

  const publicKey = decodeBase64(read.publicKey, 33)
  if (publicKey?.length !== 33 || (publicKey[0] !== 2 && publicKey[0] !== 3)) return refuse('public key is not 33 compressed bytes in base64')

  const signature = decodeBase64(read.signature, 64)
  if (signature?.length !== 64) return refuse('signature is not 64 bytes in base64')
  const fault = faultOfScalars(signature)
  if (fault !== null) return refuse(fault)

  const hash = hashOfPublicKey(publicKey, mode)
  const address = writeCosmosAddress(account)
  if (hash === undefined || writeCosmosAddress({ prefix: account.prefix, hash }) !== address) return refuse('public key is not of this address')

  const signed = arbitrarySignDoc(message, address)
  const digest = mode === 'ethsecp256k1' ? keccak_256(signed) : createHash('sha256').update(signed).digest()
  if (!verifySecp256k1Digest(signature, digest, publicKey)) return refuse('signature is not by this key')

  return { valid: true, address, method: mode }
}

const refuse = (reason: CosmosRefusal): CosmosVerdict => ({ valid: false, reason })
