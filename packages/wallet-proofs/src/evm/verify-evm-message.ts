/** Is this text signed by this address? */

import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { loadRecover } from '../recovery/backend.ts'
import { addressOfPublicKey, checksumAddress, hasMixedCase, isHexAddress } from './address.ts'
import type { EvmRpc } from './evm-rpc.ts'
import { hashPersonalMessage } from './personal-message.ts'
import type { EvmRefusal } from './refusals.ts'
import { readSignature } from './signature.ts'
import { verifyByContract } from './verify-by-contract.ts'

export interface EvmProof {
  /** The text as signed, without the EIP-191 prefix. */
  readonly message: string
  /** In 0x hex. 65 bytes (r, s, v) of an externally owned account; with `rpc` also what a contract wallet takes, up to 8 KB. */
  readonly signature: string
  /** `0x` and 40 hex digits, in one case or in EIP-55 mixed case. */
  readonly address: string
  /** A node of the message's chain, to ask contract wallets. Without it they are refused. Not called when an account's own key signed. */
  readonly rpc?: EvmRpc
  /** EIP-155 chain id of the message: whatever `rpc` says of another chain is no answer. */
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

const DEFAULT_RPC_TIMEOUT_MS = 10_000

/**
 * Checks an EIP-191 `personal_sign` signature, by the address's own key or, with `rpc`, by the contract at the address.
 * Says who signed what, and nothing about domain, nonce or time: those are the caller's. Any value as input gives a
 * verdict, never a rejection; trouble with `rpc` gives the reason 'unavailable'.
 * Sources: EIP-191, EIP-55, EIP-2 (low s), SEC 1 §4.1.6 (recovery), ERC-1271, ERC-6492, EIP-7702.
 */
export async function verifyEvmMessage (proof: EvmProof): Promise<EvmVerdict> {
  const read = readProof(proof)
  if (typeof read === 'string') return refuse(read)
  const own = await verifyByKey(read.claimed, read.hash, read.signature)
  return own === undefined ? { valid: true, address: read.claimed, method: 'eoa' } : await verdictOfContract(read, own)
}

/**
 * The second half of `verifyEvmMessage`, for a caller that has had the first done without `rpc`, in a thread: only the contract is asked.
 * @param own why the key's own check refused.
 */
export async function verifyEvmMessageByContract (proof: EvmProof, own: EvmRefusal): Promise<EvmVerdict> {
  const read = readProof(proof)
  return typeof read === 'string' ? refuse(read) : await verdictOfContract(read, own)
}

interface ReadProof {
  readonly claimed: string
  readonly hash: Uint8Array
  readonly signature: unknown
  readonly rpc: unknown
  readonly chainId: unknown
  readonly rpcTimeoutMs: unknown
}

function readProof (proof: EvmProof): ReadProof | EvmRefusal {
  const read = readProperties(proof, ['message', 'signature', 'address', 'rpc', 'chainId', 'rpcTimeoutMs'])
  if (read === null) return 'input is not readable'
  const { address, ...rest } = read

  const message = readText(read.message)
  if (typeof message === 'string') return message

  if (typeof address !== 'string' || !isHexAddress(address)) return 'address is not 20 bytes in 0x hex'
  const claimed = checksumAddress(address)
  if (hasMixedCase(address) && address !== claimed) return 'address checksum is wrong'

  return { ...rest, claimed, hash: hashPersonalMessage(message) }
}

async function verdictOfContract ({ claimed, hash, signature, rpc, chainId, rpcTimeoutMs }: ReadProof, own: EvmRefusal): Promise<EvmVerdict> {
  if (rpc === undefined || typeof signature !== 'string') return refuse(own)

  const contract = verifyByContract({ rpc: rpc as EvmRpc, chainId, account: claimed, hash, signature })
  const outcome = await unlessLate(contract, rpcTimeoutMs).catch(() => 'unavailable' as const)
  if (outcome === 'erc1271' || outcome === 'erc6492') return { valid: true, address: claimed, method: outcome }
  if (outcome !== 'no contract') return refuse(outcome)
  // Then it is a key's signature or none, and of 65 bytes is known what is wrong with them.
  return refuse(own === 'signature is not 65 bytes in 0x hex' ? 'signature is not by this address' : own)
}

/** @returns undefined when the key of this address signed, else why it did not. */
async function verifyByKey (address: string, hash: Uint8Array, signature: unknown): Promise<EvmRefusal | undefined> {
  const parsed = typeof signature === 'string' ? readSignature(signature) : 'signature is not 65 bytes in 0x hex'
  if (typeof parsed === 'string') return parsed
  const recover = await loadRecover()
  const publicKey = recover(parsed.compact, parsed.recovery, hash)
  if (publicKey === null) return 'signature recovers no key'
  return addressOfPublicKey(publicKey) === address ? undefined : 'signature is not by this address'
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
