/** Is this text signed by this Bitcoin address? */

import { decodeBase64 } from '../encoding/base64.ts'
import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { readAddress, type Destination } from './address.ts'
import { COMPACT_LENGTH, faultOfCompact, hasCompactForm } from './bip137.ts'
import { bitcoinDoubts, type BitcoinDoubt, type BitcoinRefusal } from './refusals.ts'
import { faultOfToSign } from './satisfaction.ts'
import { equalBytes, readSimple, readToSign, toSpendOutput, type ToSign } from './virtual-transactions.ts'

export interface BitcoinProof {
  /** The text as signed. */
  readonly message: string
  /** Base64, after the prefix that names its BIP-322 type (`smp`, `ful`, `pof`) or without one: BIP-137, or simple. */
  readonly signature: string
  readonly address: string
}

export interface BitcoinVerdict {
  readonly result: 'valid' | 'invalid' | 'inconclusive'
  /** The signer, in the one spelling that `canonicalBitcoinAddress` gives, when valid. */
  readonly address?: string
  /** Which check passed, when valid. */
  readonly method?: 'bip322-simple' | 'bip322-full' | 'bip137'
  /**
   * Set when valid only at some time or age (BIP-322 "valid at time T and age S"): lock time and sequence are those of the
   * signed transaction, not both 0. A sign-in refuses such a signature.
   */
  readonly timeLocked?: true
  readonly lockTime?: number
  readonly sequence?: number
  /** Why not, when not valid. */
  readonly reason?: BitcoinRefusal | BitcoinDoubt
}

type Fault = BitcoinRefusal | BitcoinDoubt

/** Beyond any signature of one key; bounds the decoding of a hostile text. */
const MAX_SIGNATURE_LENGTH = 65_536
const PREFIX = /^(?:smp|ful|pof)/

/**
 * Checks BIP-322 (2.0.0) simple and full signatures of P2WPKH, P2TR by key, P2SH-P2WPKH and P2PKH (full only), and BIP-137
 * ones of P2PKH, P2SH-P2WPKH and P2WPKH. Scripts, proofs of funds and what may yet be defined are 'inconclusive'. Says who
 * signed what, and nothing about domain, nonce, time or network: those are the caller's. Any value as input gives a
 * verdict, never a rejection. Sources: BIP-322, BIP-137, BIP-66, BIP-143, BIP-146, BIP-173, BIP-340, BIP-341, BIP-350.
 */
export async function verifyBitcoinMessage (proof: BitcoinProof): Promise<BitcoinVerdict> {
  const read = readProperties(proof, ['message', 'signature', 'address'])
  if (read === null) return refuse('input is not readable')

  const message = readText(read.message)
  if (typeof message === 'string') return refuse(message)
  const destination = typeof read.address === 'string' ? readAddress(read.address) : undefined
  if (destination === undefined) return refuse('address is not valid')

  const { signature } = read
  if (typeof signature !== 'string') return refuse('signature is not canonical base64')
  if (signature.length > MAX_SIGNATURE_LENGTH) return refuse('signature is too long')

  // The prefix decides, and nothing is tried twice: what is labelled as one type is not another.
  const prefix = PREFIX.exec(signature)?.[0] ?? ''
  const bytes = decodeBase64(signature.slice(prefix.length), MAX_SIGNATURE_LENGTH)
  if (bytes === null) return refuse('signature is not canonical base64')

  if (prefix === 'pof') return refuse('proof of funds is not checked')
  if (prefix === 'ful') return judgeFull(bytes, message, destination)
  if (prefix === '' && bytes.length === COMPACT_LENGTH && hasCompactForm(destination)) return await judgeCompact(bytes, message, destination)
  return judgeSimple(bytes, message, destination, prefix)
}

async function judgeCompact (bytes: Uint8Array, message: Uint8Array, destination: Destination): Promise<BitcoinVerdict> {
  const fault = await faultOfCompact(bytes, message, destination)
  return fault === undefined ? { result: 'valid', address: destination.address, method: 'bip137' } : refuse(fault)
}

function judgeSimple (bytes: Uint8Array, message: Uint8Array, destination: Destination, prefix: string): BitcoinVerdict {
  // BIP-322 has simple for native segwit alone; wallets from before the prefixes sign P2SH-P2WPKH so as well.
  const { type, address } = destination
  if (type === 'p2pkh' || (type === 'p2sh' && prefix === 'smp')) return refuse('signature type does not fit the address')

  const toSign = readSimple(bytes, toSpendOutput(message, destination), destination)
  if (toSign === undefined) return refuse('signature is not a witness stack')
  const fault = faultOfToSign(toSign, destination)
  return fault === undefined ? { result: 'valid', address, method: 'bip322-simple' } : refuse(fault)
}

function judgeFull (bytes: Uint8Array, message: Uint8Array, destination: Destination): BitcoinVerdict {
  const toSign = readToSign(bytes)
  if (toSign === undefined) return refuse('signature is not a to_sign transaction')
  if (!equalBytes(toSign.prevout, toSpendOutput(message, destination))) return refuse('signature is for another message or address')

  const fault = faultOfToSign(toSign, destination) ?? faultOfVersion(toSign)
  return fault === undefined ? { result: 'valid', address: destination.address, method: 'bip322-full', ...timeLock(toSign) } : refuse(fault)
}

/** BIP-322, upgradeable rules: asked last, since a wrong signature is wrong in any version. */
const faultOfVersion = ({ version }: ToSign): BitcoinDoubt | undefined => version === 0 || version === 2 ? undefined : 'transaction version is not 0 or 2'

const timeLock = ({ lockTime, sequence }: ToSign): Pick<BitcoinVerdict, 'timeLocked' | 'lockTime' | 'sequence'> =>
  lockTime === 0 && sequence === 0 ? {} : { timeLocked: true, lockTime, sequence }

const DOUBTS: readonly string[] = bitcoinDoubts

const refuse = (reason: Fault): BitcoinVerdict => ({ result: DOUBTS.includes(reason) ? 'inconclusive' : 'invalid', reason })
