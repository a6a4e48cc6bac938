import { intentDomain, intentTypes, signatureIntentTypes, type SignatureIntent, type TransactionIntent } from '@countersign/contracts'
import type { Hex } from 'viem'
import { keccak256 } from 'viem/utils'
import { flatDigest } from './flat-typed-data.ts'

/** @param data 0x hex. @returns what the intent names it by: 0x and 64 lower-case hex digits */
export const dataHash = (data: string): string => keccak256(data as Hex)

/** Of no bytes: what a transfer of coins carries. */
export const noDataHash = dataHash('0x')

/** EIP-712 digest of what a second factor confirms; vectors lie in contracts. @returns 0x and 64 lower-case hex digits */
export const intentDigest = flatDigest<TransactionIntent>(intentDomain, 'TransactionIntent', intentTypes.TransactionIntent)

/** The same of a signature. */
export const signatureIntentDigest = flatDigest<SignatureIntent>(intentDomain, 'SignatureIntent', signatureIntentTypes.SignatureIntent)
