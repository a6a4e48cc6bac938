/** Bitcoin addresses, read strictly: base58check (P2PKH, P2SH), bech32 and bech32m (BIP-173, BIP-350). */

import { bech32, bech32m, createBase58check } from '@scure/base'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'

export interface BitcoinAddress {
  /** One spelling per address: bech32 in lower case. */
  readonly address: string
  /** Base58 has one prefix for testnet, signet and regtest, bech32 one for testnet and signet: both read 'testnet'. */
  readonly network: 'mainnet' | 'testnet' | 'regtest'
  readonly type: 'p2pkh' | 'p2sh' | 'p2wpkh' | 'p2wsh' | 'p2tr' | 'witness-unknown'
}

export interface Destination extends BitcoinAddress {
  /** The key hash, script hash or witness program. */
  readonly payload: Uint8Array
  /** The scriptPubKey that the address stands for. */
  readonly script: Uint8Array
}

const BASE58 = /^[1-9A-HJ-NP-Za-km-z]{26,35}$/
const BECH32 = /^(?:[a-z0-9]{14,90}|[A-Z0-9]{14,90})$/ // BIP-173: mixed case must be refused

const VERSIONS: Readonly<Record<number, Pick<BitcoinAddress, 'network' | 'type'>>> = {
  0x00: { network: 'mainnet', type: 'p2pkh' },
  0x05: { network: 'mainnet', type: 'p2sh' },
  0x6f: { network: 'testnet', type: 'p2pkh' },
  0xc4: { network: 'testnet', type: 'p2sh' }
}
const PREFIXES: Readonly<Record<string, BitcoinAddress['network']>> = { bc: 'mainnet', tb: 'testnet', bcrt: 'regtest' }

const base58check = createBase58check(sha256)

/** @returns undefined for anything that is no address. */
export function canonicalBitcoinAddress (address: string): BitcoinAddress | undefined {
  const destination = typeof address === 'string' ? readAddress(address) : undefined
  return destination && { address: destination.address, network: destination.network, type: destination.type }
}

export const readAddress = (text: string): Destination | undefined => readBech32(text) ?? readBase58(text)

function readBase58 (text: string): Destination | undefined {
  const bytes = BASE58.test(text) ? decodeBase58check(text) : undefined
  const version = VERSIONS[bytes?.[0] ?? -1]
  if (bytes?.length !== 21 || version === undefined) return undefined

  const payload = bytes.subarray(1)
  return { address: text, ...version, payload, script: version.type === 'p2pkh' ? keyHashScript(payload) : scriptHashScript(payload) }
}

function decodeBase58check (text: string): Uint8Array | undefined {
  try {
    return base58check.decode(text)
  } catch {
    return undefined // wrong checksum
  }
}

function readBech32 (text: string): Destination | undefined {
  if (!BECH32.test(text)) return undefined
  const address = text.toLowerCase()
  const old = bech32.decodeUnsafe(address)
  const decoded = old ?? bech32m.decodeUnsafe(address)
  const network = PREFIXES[decoded?.prefix ?? '']
  const version = decoded?.words[0]
  // BIP-350: version 0 is bech32, every later one bech32m.
  if (decoded === undefined || network === undefined || version === undefined || version > 16 || (version === 0) !== (old !== undefined)) return undefined

  const payload = bech32.fromWordsUnsafe(decoded.words.slice(1)) ?? new Uint8Array()
  const type = witnessType(version, payload.length)
  return type && { address, network, type, payload, script: witnessScript(version, payload) }
}

/** BIP-141: a program has 2 to 40 bytes, and in version 0 either 20 or 32. */
function witnessType (version: number, length: number): BitcoinAddress['type'] | undefined {
  if (version === 0) return length === 20 ? 'p2wpkh' : length === 32 ? 'p2wsh' : undefined
  if (length < 2 || length > 40) return undefined
  return version === 1 && length === 32 ? 'p2tr' : 'witness-unknown'
}

/** OP_DUP OP_HASH160 <hash> OP_EQUALVERIFY OP_CHECKSIG */
export const keyHashScript = (keyHash: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0x76, 0xa9, 20), keyHash, Uint8Array.of(0x88, 0xac))

/** OP_HASH160 <hash> OP_EQUAL */
const scriptHashScript = (scriptHash: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0xa9, 20), scriptHash, Uint8Array.of(0x87))

/** OP_0 to OP_16, then the program. */
export const witnessScript = (version: number, program: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(version === 0 ? 0 : 0x50 + version, program.length), program)
