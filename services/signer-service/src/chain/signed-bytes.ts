/** From the fields of a transaction to the bytes that leave: EIP-1559, or legacy with EIP-155, signed by a digest signer. */
import type { TransactionSerializableEIP1559, TransactionSerializableLegacy } from 'viem'
import { hexToBytes, keccak256, numberToHex, serializeTransaction } from 'viem/utils'
import type { Hex } from './chain-node.ts'

export interface UnsignedTransfer {
  readonly chainId: number
  readonly nonce: number
  readonly to: string
  readonly value: bigint
  readonly data: Hex
  readonly gas: bigint
  /** The gas price, where the chain has no EIP-1559. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly eip1559: boolean
}

/** As `KeyRing.signDigest` of @countersign/kms gives it: verified by the key of that address. */
export type SignDigest = (digest: Uint8Array) => Promise<{ r: bigint, s: bigint, yParity: 0 | 1, address: string }>

/** The signature is of another address than the wallet's: nothing signed by it may leave. */
export class ForeignSignature extends Error {
  override readonly name = 'ForeignSignature'
}

/**
 * @param from the wallet's address, checksummed.
 * @returns the bytes as they are sent, and their hash.
 * @throws ForeignSignature, and what `signDigest` throws.
 */
export async function signTransfer (transfer: UnsignedTransfer, from: string, signDigest: SignDigest): Promise<{ bytes: Hex, hash: Hex }> {
  // The serializer would write a nonce that is no number as 0.
  if (!Number.isSafeInteger(transfer.nonce) || transfer.nonce < 0) throw new RangeError('a nonce is a whole number')
  const unsigned = unsignedOf(transfer)
  const digest = keccak256(serializeTransaction(unsigned))
  const { r, s, yParity, address } = await signDigest(hexToBytes(digest))
  if (address !== from) throw new ForeignSignature('the signature does not recover the address of the wallet')
  const signature = { r: numberToHex(r, { size: 32 }), s: numberToHex(s, { size: 32 }), yParity, v: BigInt(27 + yParity) }
  const bytes = serializeTransaction(unsigned, signature)
  return { bytes, hash: keccak256(bytes) }
}

function unsignedOf ({ eip1559, maxFeePerGas, maxPriorityFeePerGas, ...transfer }: UnsignedTransfer): TransactionSerializableEIP1559 | TransactionSerializableLegacy {
  const fields = { ...transfer, to: transfer.to as Hex }
  return eip1559 ? { ...fields, maxFeePerGas, maxPriorityFeePerGas, type: 'eip1559' } : { ...fields, gasPrice: maxFeePerGas, type: 'legacy' }
}
