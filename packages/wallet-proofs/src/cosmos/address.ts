/** Cosmos account addresses: bech32 (BIP 173) of 20 bytes under the prefix of a chain. */

import { ECDH } from 'node:crypto'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { bech32 } from '@scure/base'
import { hash160 } from '../hashing/hash160.ts'
import { allCosmosPrefixes, isPrefix, readPrefixes } from './prefixes.ts'

export type CosmosMode = 'secp256k1' | 'ethsecp256k1'

export interface CosmosAccount {
  readonly prefix: string
  /** 20 bytes, from the public key. */
  readonly hash: Uint8Array
}

/** Undefined: not bech32 (bech32m is not), of mixed case, or not of 20 bytes. Says nothing about the prefix. */
export function readCosmosAddress (address: unknown): CosmosAccount | undefined {
  if (typeof address !== 'string') return undefined
  const decoded = bech32.decodeUnsafe(address)
  if (!decoded || decoded.words.length !== 32) return undefined
  const hash = bech32.fromWordsUnsafe(decoded.words)
  return hash ? { prefix: decoded.prefix, hash } : undefined
}

export const writeCosmosAddress = ({ prefix, hash }: CosmosAccount): string => bech32.encodeFromBytes(prefix, hash)

/**
 * The 20 bytes of a compressed public key: RIPEMD-160 of its SHA-256, or with 'ethsecp256k1' the end of the keccak-256
 * of its two coordinates, as Ethereum has it. Undefined: no point of the
 * curve, asked in the second case only.
 */
export function hashOfPublicKey (publicKey: Uint8Array, mode: CosmosMode): Uint8Array | undefined {
  if (mode === 'secp256k1') return hash160(publicKey)
  try {
    const uncompressed = ECDH.convertKey(publicKey, 'secp256k1', undefined, undefined, 'uncompressed') as Uint8Array
    return keccak_256(uncompressed.subarray(1)).subarray(12)
  } catch {
    return undefined
  }
}

/**
 * The lower-case form of an account address, to show and to send.
 * @param prefixes accepted prefixes; those of `cosmosPrefixes` where none are given
 * @returns undefined for mixed case, bech32m, any other length than 20 bytes, another prefix, and whatever is no address
 */
export function canonicalCosmosAddress (address: string, prefixes: readonly string[] = allCosmosPrefixes): string | undefined {
  const account = readCosmosAddress(address)
  const accepted = readPrefixes(prefixes)
  return account !== undefined && accepted?.includes(account.prefix) ? writeCosmosAddress(account) : undefined
}

/**
 * The address of the same account on another chain of its derivation, in lower case.
 * @returns undefined where no address can be read, or the prefix is none
 */
export function cosmosAddressUnder (address: string, prefix: string): string | undefined {
  const account = readCosmosAddress(address)
  return account !== undefined && isPrefix(prefix) ? writeCosmosAddress({ prefix, hash: account.hash }) : undefined
}

/**
 * The 20 bytes of an address under any prefix, in lower-case hex: one key has the same on all chains of its derivation,
 * so it is what to key accounts by.
 * @returns undefined where no address can be read
 */
export function cosmosAccountHash (address: string): string | undefined {
  const account = readCosmosAddress(address)
  return account && bytesToHex(account.hash)
}
