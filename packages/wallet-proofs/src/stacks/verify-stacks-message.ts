/** Is this text signed by the key of this Stacks address? */

import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { loadRecover } from '../recovery/backend.ts'
import { readStacksAddress, versionOfNetwork, type StacksNetwork } from './address.ts'
import { writeC32Check } from './c32-check.ts'
import { hashOfPoint, isPoint, readStacksPublicKey } from './public-key.ts'
import type { StacksRefusal } from './refusals.ts'
import { readStacksSignature } from './signature.ts'
import { hashStacksMessage } from './signed-message.ts'

export interface StacksProof {
  /** The text as signed, without prefix and length. */
  readonly message: string
  /** 65 bytes in hex, with or without `0x`: r, s, and 0 or 1. */
  readonly signature: string
  /** c32check of a single key on `network`, in upper or all in lower case. */
  readonly address: string
  readonly network: StacksNetwork
  /** 33 bytes compressed or 65 uncompressed, in hex with or without `0x`: must be the key that signed, where given. */
  readonly publicKey?: string
}

export interface StacksVerdict {
  readonly valid: boolean
  /** The signer in upper case, when valid. */
  readonly address?: string
  /** Which check passed, when valid: the one key of this address signed. */
  readonly method?: 'single-key'
  /** Why not, when not valid. */
  readonly reason?: StacksRefusal
}

/**
 * Checks a signed Stacks message under the current prefix, not the retired one. Says who signed what, and nothing about
 * domain, nonce or time: those are the caller's. Any value as input gives a verdict, never a rejection.
 * Sources: SIP-005 (addresses), `hashMessage` of @stacks/encryption 7, SEC 1 §4.1.6 (recovery).
 */
export async function verifyStacksMessage (proof: StacksProof): Promise<StacksVerdict> {
  const read = readProperties(proof, ['message', 'signature', 'address', 'network', 'publicKey'])
  if (read === null) return refuse('input is not readable')

  const version = versionOfNetwork(read.network)
  if (version === undefined) return refuse('network is not known')

  const message = readText(read.message)
  if (typeof message === 'string') return refuse(message)

  const account = readStacksAddress(read.address)
  if (account === undefined) return refuse('address is not a single-key c32check address')
  if (account.version !== version) return refuse('address is of another network')

  const expectedKey = read.publicKey === undefined ? undefined : readStacksPublicKey(read.publicKey)
  if (read.publicKey !== undefined && expectedKey === undefined) return refuse('public key is not 33 or 65 bytes in hex')

  const signature = readStacksSignature(read.signature)
  if (typeof signature === 'string') return refuse(signature)

  const recover = await loadRecover()
  const point = recover(signature.compact, signature.recovery, hashStacksMessage(message))
  if (point === null) return refuse('signature recovers no key')
  if (expectedKey !== undefined && !isPoint(expectedKey, point)) return refuse('signature is not by this public key')

  const address = writeC32Check(account)
  if (writeC32Check({ version, hash: hashOfPoint(point) }) !== address) return refuse('signature is not by this address')

  return { valid: true, address, method: 'single-key' }
}

const refuse = (reason: StacksRefusal): StacksVerdict => ({ valid: false, reason })
