/** Is this hash signed by this address? What messages and typed data have in common once they are hashed. */

import { loadRecover } from '../recovery/backend.ts'
import { checksumAddress, hexAddressOfPublicKey, hasMixedCase, isHexAddress } from './address.ts'
import type { EvmRpc } from './evm-rpc.ts'
import type { EvmRefusal } from './refusals.ts'
import { readSignature } from './signature.ts'
import { verifyByContract } from './verify-by-contract.ts'

/** All of a proof but what was signed. */
export interface EvmSigned {
  /** In 0x hex. 65 bytes (r, s, v) of an externally owned account; with `rpc` also what a contract wallet takes, up to 8 KB. */
  readonly signature: string
  /** `0x` and 40 hex digits, in one case or in EIP-55 mixed case. */
  readonly address: string
  /** A node of the signed chain, to ask contract wallets. Without it they are refused. Not called when an account's own key signed. */
  readonly rpc?: EvmRpc
  /** EIP-155 chain id of what was signed: whatever `rpc` says of another chain is no answer. */
  readonly chainId?: number
  /** Longest wait for all answers of `rpc` together, in milliseconds; 10,000 by default. */
  readonly rpcTimeoutMs?: number
}

export interface EvmVerdict {
  readonly valid: boolean
  /** The signer in EIP-55 form, when valid. */
  readonly address?: string
  /**
   * Which check passed, when valid. 'eoa': the key of the address itself, the same on every chain. 'erc1271' and 'erc6492':
   * a contract on this one chain, or the delegate (EIP-7702) of an account whose own key did not sign.
   */
  readonly method?: 'eoa' | 'erc1271' | 'erc6492'
  /** Why not, when not valid. */
  readonly reason?: EvmRefusal
}

/** Of a proof that could be read. */
export interface HashedProof {
  readonly claimed: string
  readonly hash: Uint8Array
  readonly signature: unknown
  readonly rpc: unknown
  readonly chainId: unknown
  readonly rpcTimeoutMs: unknown
}

export const signedProperties = ['signature', 'address', 'rpc', 'chainId', 'rpcTimeoutMs'] as const

const DEFAULT_RPC_TIMEOUT_MS = 10_000

/** @returns the EIP-55 form, or what is wrong with it. */
export function readAddress (address: unknown): { readonly claimed: string } | EvmRefusal {
  if (typeof address !== 'string' || !isHexAddress(address)) return 'address is not 20 bytes in 0x hex'
  const claimed = checksumAddress(address)
  return hasMixedCase(address) && address !== claimed ? 'address checksum is wrong' : { claimed }
}

/** By the key of the address, then by the contract at it. */
export async function verdictOf (proof: HashedProof | EvmRefusal): Promise<EvmVerdict> {
  if (typeof proof === 'string') return refuse(proof)
  const own = await faultOfKey(proof)
  return own === undefined ? { valid: true, address: proof.claimed, method: 'eoa' } : await verdictOfContract(proof, own)
}

/** @param own why the key's own check refused. */
export async function verdictOfContract (proof: HashedProof | EvmRefusal, own: EvmRefusal): Promise<EvmVerdict> {
  if (typeof proof === 'string') return refuse(proof)
  const { claimed, hash, signature, rpc, chainId, rpcTimeoutMs } = proof
  if (rpc === undefined || typeof signature !== 'string') return refuse(own)

  const contract = verifyByContract({ rpc: rpc as EvmRpc, chainId, account: claimed, hash, signature })
  const outcome = await unlessLate(contract, rpcTimeoutMs).catch(() => 'unavailable' as const)
  if (outcome === 'erc1271' || outcome === 'erc6492') return { valid: true, address: claimed, method: outcome }
  if (outcome !== 'no contract') return refuse(outcome)
  // Then it is a key's signature or none, and of 65 bytes is known what is wrong with them.
  return refuse(own === 'signature is not 65 bytes in 0x hex' ? 'signature is not by this address' : own)
}

/** @returns undefined when the key of this address signed, else why it did not. */
async function faultOfKey ({ claimed, hash, signature }: HashedProof): Promise<EvmRefusal | undefined> {
  const parsed = typeof signature === 'string' ? readSignature(signature) : 'signature is not 65 bytes in 0x hex'
  if (typeof parsed === 'string') return parsed
  const recover = await loadRecover()
  const publicKey = recover(parsed.compact, parsed.recovery, hash)
  if (publicKey === null) return 'signature recovers no key'
  return hexAddressOfPublicKey(publicKey) === claimed.toLowerCase() ? undefined : 'signature is not by this address'
}

/** The client has a timeout per answer; this one is for a client that has none, and for many slow answers in a row. */
async function unlessLate<T> (work: Promise<T>, milliseconds: unknown): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const isTime = typeof milliseconds === 'number' && milliseconds >= 0 && milliseconds < 2 ** 31
    timer = setTimeout(() => { reject(new Error('the node did not answer in time')) }, isTime ? milliseconds : DEFAULT_RPC_TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const refuse = (reason: EvmRefusal): EvmVerdict => ({ valid: false, reason })
