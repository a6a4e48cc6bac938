/** Is this text signed by this address? */

import { loadRecover } from '../recovery/backend.ts'
import { addressOfPublicKey, checksumAddress, hasMixedCase, isHexAddress } from './address.ts'
import { hashPersonalMessage } from './personal-message.ts'
import type { EvmRefusal } from './refusals.ts'
import { readSignature } from './signature.ts'

/** A JSON-RPC client of the message's chain, in the shape of EIP-1193. */
export interface EvmRpc {
  request (call: { readonly method: string, readonly params: readonly unknown[] }): Promise<unknown>
}

export interface EvmProof {
  /** The text as signed, without the EIP-191 prefix. */
  readonly message: string
  /** `0x` and 65 bytes in hex: r, s, v. */
  readonly signature: string
  /** `0x` and 40 hex digits, in one case or in EIP-55 mixed case. */
  readonly address: string
  /** Reserved for contract wallets (ERC-1271, ERC-6492). Never called by this version. */
  readonly rpc?: EvmRpc
}

export interface EvmVerdict {
  readonly valid: boolean
  /** The signer in EIP-55 form, when valid. */
  readonly address?: string
  /** Which check passed, when valid; this version knows 'eoa' only. */
  readonly method?: 'eoa' | 'erc1271' | 'erc6492'
  /** Why not, when not valid. */
  readonly reason?: EvmRefusal
}

// Bounds the hashing of a hostile text (keccak in JavaScript); a sign-in message is under 10 KB.
const MAX_MESSAGE_LENGTH = 65_536
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Checks an EIP-191 `personal_sign` signature of an externally owned account. Says who signed what, and nothing about
 * domain, nonce or time: those are the caller's. Any value as input gives a verdict, never a rejection.
 * Sources: EIP-191, EIP-55, EIP-2 (low s), SEC 1 §4.1.6 (recovery).
 */
export async function verifyEvmMessage (proof: EvmProof): Promise<EvmVerdict> {
  const read = readProof(proof)
  if (read === null) return refuse('input is not readable')
  const { message, signature, address } = read

  if (typeof message !== 'string') return refuse('message is not well-formed text')
  if (message.length > MAX_MESSAGE_LENGTH) return refuse('message is too long')
  // A lone surrogate has no UTF-8 form: encoders put U+FFFD there, so two texts would share one signature.
  if (LONE_SURROGATE.test(message)) return refuse('message is not well-formed text')

  if (typeof address !== 'string' || !isHexAddress(address)) return refuse('address is not 20 bytes in 0x hex')
  const claimed = checksumAddress(address)
  if (hasMixedCase(address) && address !== claimed) return refuse('address checksum is wrong')

  const parsed = typeof signature === 'string' ? readSignature(signature) : 'signature is not 65 bytes in 0x hex'
  if (typeof parsed === 'string') return refuse(parsed)

  const recover = await loadRecover()
  const publicKey = recover(parsed.compact, parsed.recovery, hashPersonalMessage(message))
  if (publicKey === null) return refuse('signature recovers no key')
  if (addressOfPublicKey(publicKey) !== claimed) return refuse('signature is not by this address')

  return { valid: true, address: claimed, method: 'eoa' }
}

const refuse = (reason: EvmRefusal): EvmVerdict => ({ valid: false, reason })

/** Each property is read once; null: there is nothing to read, or reading it threw (a getter, a revoked proxy). */
function readProof (proof: unknown): Readonly<Record<'message' | 'signature' | 'address', unknown>> | null {
  try {
    const { message, signature, address } = proof as EvmProof
    return { message, signature, address }
  } catch {
    return null
  }
}
