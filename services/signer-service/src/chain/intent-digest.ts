import { intentDomain, intentTypes, signatureIntentTypes, type SignatureIntent, type TransactionIntent } from '@countersign/contracts'
import type { Hex } from 'viem'
import { hashTypedData, keccak256 } from 'viem/utils'

/** @param data 0x hex. @returns what the intent names it by: 0x and 64 lower-case hex digits */
export const dataHash = (data: string): string => keccak256(data as Hex)

/** Of no bytes: what a transfer of coins carries. */
export const noDataHash = dataHash('0x')

/** EIP-712 digest of what a second factor confirms; vectors lie in contracts. @returns 0x and 64 lower-case hex digits */
export const intentDigest = (intent: TransactionIntent): `0x${string}` => hashTypedData({
  domain: intentDomain,
  types: intentTypes,
  primaryType: 'TransactionIntent',
  message: {
    ...intent,
    wallet: intent.wallet as `0x${string}`,
    to: intent.to as `0x${string}`,
    data_hash: intent.data_hash as `0x${string}`,
    chain_id: BigInt(intent.chain_id),
    value: BigInt(intent.value),
    max_fee_total: BigInt(intent.max_fee_total),
    valid_until: BigInt(intent.valid_until),
    policy_version: BigInt(intent.policy_version)
  }
})

/** The same of a signature. */
export const signatureIntentDigest = (intent: SignatureIntent): `0x${string}` => hashTypedData({
  domain: intentDomain,
  types: signatureIntentTypes,
  primaryType: 'SignatureIntent',
  message: {
    ...intent,
    wallet: intent.wallet as `0x${string}`,
    message_digest: intent.message_digest as `0x${string}`,
    chain_id: BigInt(intent.chain_id),
    valid_until: BigInt(intent.valid_until),
    policy_version: BigInt(intent.policy_version)
  }
})
