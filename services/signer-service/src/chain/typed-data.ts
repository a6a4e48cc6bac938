/** Who signed typed data (EIP-712), by the signature alone. */
import type { SignableData } from '@countersign/contracts'
import { hashTypedData, recoverAddress } from 'viem/utils'
import type { Hex } from './quantity.ts'

/** @returns the EIP-712 digest, 0x and 64 hex digits */
export const signableDigest = ({ domain, types, primaryType, message }: SignableData): Hex => {
  const { EIP712Domain: _domain, ...own } = types
  return hashTypedData({ domain, types: own, primaryType, message } as never)
}

export interface Signed { readonly digest: Hex, /** EIP-55. */ readonly key: string }

/** @returns undefined when the signature is nobody's. */
export async function signerOf (data: SignableData, signature: string): Promise<Signed | undefined> {
  const digest = signableDigest(data)
  try {
    return { digest, key: await recoverAddress({ hash: digest, signature: signature as Hex }) }
  } catch {
    return undefined
  }
}
