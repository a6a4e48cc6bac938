/** Is this text signed by this address? */

import { readProperties } from '../input/properties.ts'
import { readText } from '../input/text.ts'
import { hashPersonalMessage } from './personal-message.ts'
import type { EvmRefusal } from './refusals.ts'
import { readAddress, signedProperties, verdictOf, verdictOfContract, type EvmSigned, type EvmVerdict, type HashedProof } from './verify-evm-signature.ts'

export interface EvmProof extends EvmSigned {
  /** The text as signed, without the EIP-191 prefix. */
  readonly message: string
}

/**
 * Checks an EIP-191 `personal_sign` signature, by the address's own key or, with `rpc`, by the contract at the address.
 * Says who signed what, and nothing about domain, nonce or time: those are the caller's. Any value as input gives a
 * verdict, never a rejection; trouble with `rpc` gives the reason 'unavailable'.
 * Sources: EIP-191, EIP-55, EIP-2 (low s), SEC 1 §4.1.6 (recovery), ERC-1271, ERC-6492, EIP-7702.
 */
export const verifyEvmMessage = async (proof: EvmProof): Promise<EvmVerdict> => await verdictOf(readProof(proof))

/**
 * The second half of `verifyEvmMessage`, for a caller that has had the first done without `rpc`, in a thread: only the contract is asked.
 * @param own why the key's own check refused.
 */
export const verifyEvmMessageByContract = async (proof: EvmProof, own: EvmRefusal): Promise<EvmVerdict> => await verdictOfContract(readProof(proof), own)

function readProof (proof: EvmProof): HashedProof | EvmRefusal {
  const read = readProperties(proof, ['message', ...signedProperties])
  if (read === null) return 'input is not readable'
  const { message: text, address, ...rest } = read

  const message = readText(text)
  if (typeof message === 'string') return message
  const account = readAddress(address)
  return typeof account === 'string' ? account : { ...rest, ...account, hash: hashPersonalMessage(message) }
}
