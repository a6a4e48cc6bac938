/** Is this text signed by this Solana account? */

import { isStrictSignature } from '../ed25519/strict.ts'
import { importEd25519Key, isSignedBy } from '../ed25519/verify.ts'
import { decodeBase58 } from '../encoding/base58.ts'
import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { offchainEnvelope } from './offchain-envelope.ts'
import type { SolanaRefusal } from './refusals.ts'
import { isSignatureEncoding, readSolanaSignature, type SignatureEncoding } from './signature.ts'

export interface SolanaProof {
  /** The text as signed, without an envelope. */
  readonly message: string
  /** 64 bytes in base58 or in base64 (standard alphabet, padded). */
  readonly signature: string
  /** 32 bytes in base58. */
  readonly address: string
  /** Of the signature. Left out, it is seen from the text: base64 of 64 bytes ends in `==`, which base58 cannot. */
  readonly encoding?: SignatureEncoding
}

export interface SolanaVerdict {
  readonly valid: boolean
  /** The signer, when valid. A key has one spelling, so it is the address given. */
  readonly address?: string
  /** What was signed, when valid: the UTF-8 bytes of the text, or its off-chain envelope (Ledger). */
  readonly method?: 'raw' | 'offchain'
  /** Why not, when not valid. */
  readonly reason?: SolanaRefusal
}

/**
 * Checks an Ed25519 signature over a text, bare or in the off-chain message envelope v0 whose application domain is the
 * one of the text's first line. Says who signed what, and nothing about domain, nonce or time: those are the caller's.
 * Any value as input gives a verdict, never a rejection.
 * Sources: RFC 8032 §5.1.7, strictly (see `verifyEd25519`); Sign-In with Solana; Solana's off-chain message signing.
 */
export async function verifySolanaMessage (proof: SolanaProof): Promise<SolanaVerdict> {
  const read = readProperties(proof, ['message', 'signature', 'address', 'encoding'])
  if (read === null) return refuse('input is not readable')

  const message = readText(read.message)
  if (typeof message === 'string') return refuse(message)

  const publicKey = decodeBase58(read.address, 32)
  if (publicKey === null) return refuse('address is not 32 bytes in base58')
  const key = importEd25519Key(publicKey)
  if (key === null) return refuse('address is not of a key that can sign')

  const { encoding } = read
  if (encoding !== undefined && !isSignatureEncoding(encoding)) return refuse('encoding is not supported')
  const signature = readSolanaSignature(read.signature, encoding)
  if (signature === null) return refuse('signature is not 64 bytes in base58 or base64')
  if (!isStrictSignature(signature)) return refuse('signature is not in canonical form')

  const accept = (method: 'raw' | 'offchain'): SolanaVerdict => ({ valid: true, address: read.address as string, method })
  if (isSignedBy(key, message, signature)) return accept('raw')
  const envelope = offchainEnvelope(read.message as string, publicKey)
  return envelope !== null && isSignedBy(key, envelope, signature) ? accept('offchain') : refuse('signature is not by this address')
}

const refuse = (reason: SolanaRefusal): SolanaVerdict => ({ valid: false, reason })
