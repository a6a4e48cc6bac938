/** Is this typed data signed by this address? */

import { readProperties } from '../input/properties.ts'
import type { EvmRefusal } from './refusals.ts'
import { hashTypedData, type TypedData } from './typed-data.ts'
import { readAddress, signedProperties, verdictOf, verdictOfContract, type EvmSigned, type EvmVerdict, type HashedProof } from './verify-evm-signature.ts'

export interface EvmTypedDataProof extends EvmSigned {
  /** As handed to `eth_signTypedData_v4`. */
  readonly typedData: TypedData
}

/**
 * Checks an EIP-712 signature, by the address's own key or, with `rpc`, by the contract at the address. Says who signed what, and nothing
 * about domain, nonce or time: build the typed data yourself, from what you know, and take none from whoever signs. Any value as input
 * gives a verdict, never a rejection; trouble with `rpc` gives the reason 'unavailable'.
 * Sources: EIP-712, EIP-55, EIP-2 (low s), SEC 1 §4.1.6 (recovery), ERC-1271, ERC-6492, EIP-7702.
 */
export const verifyEvmTypedData = async (proof: EvmTypedDataProof): Promise<EvmVerdict> => await verdictOf(readProof(proof))

/**
 * The second half of `verifyEvmTypedData`, for a caller that has had the first done without `rpc`, in a thread: only the contract is asked.
 * @param own why the key's own check refused.
 */
export const verifyEvmTypedDataByContract = async (proof: EvmTypedDataProof, own: EvmRefusal): Promise<EvmVerdict> => await verdictOfContract(readProof(proof), own)

function readProof (proof: EvmTypedDataProof): HashedProof | EvmRefusal {
  const read = readProperties(proof, ['typedData', ...signedProperties])
  if (read === null) return 'input is not readable'
  const { typedData, address, ...rest } = read

  const hash = hashTypedData(typedData)
  if (hash === null) return 'typed data is not readable'
  const account = readAddress(address)
  return typeof account === 'string' ? account : { ...rest, ...account, hash }
}
