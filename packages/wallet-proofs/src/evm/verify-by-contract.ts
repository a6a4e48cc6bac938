/** Is this signature accepted by the contract that is, or would be, at this address? */

import { isValidSignatureCalldata, magicValue } from './erc1271.ts'
import { deploylessValidator, unwrap } from './erc6492.ts'
import { assertChain, hasCode, simulate, type EvmRpc } from './evm-rpc.ts'
import type { EvmRefusal } from './refusals.ts'

export interface ContractProof {
  readonly rpc: EvmRpc
  /** Asked of the node as well, unless undefined: a contract speaks for its address on its own chain only. */
  readonly chainId: unknown
  /** EIP-55 form. */
  readonly account: string
  /** EIP-191 hash of the message, or EIP-712 hash of the typed data. */
  readonly hash: Uint8Array
  readonly signature: string
}

// Wrapped signatures of known wallets take 1 to 3 KB, the factory's calldata being most of it.
const MAX_SIGNATURE_BYTES = 8_192
const HEX_BYTES = /^0x(?:[0-9a-fA-F]{2})*$/

/**
 * In the order of ERC-6492: the live contract first, with the inner signature when it is wrapped; when that says no, the
 * wrapper's call and the question once more.
 * @returns the check that passed, or why none did, or 'no contract' when nobody was there to ask.
 * @throws whatever the node's trouble was.
 */
export async function verifyByContract ({ rpc, chainId, account, hash, signature }: ContractProof): Promise<'erc1271' | 'erc6492' | 'no contract' | EvmRefusal> {
  if (signature.length > 2 + MAX_SIGNATURE_BYTES * 2) return 'signature is too long'
  if (!HEX_BYTES.test(signature)) return 'signature is not 65 bytes in 0x hex'
  const digits = signature.slice(2).toLowerCase()
  const wrapped = unwrap(digits)
  if (typeof wrapped === 'string') return wrapped

  const [deployed] = await Promise.all([hasCode(rpc, account), chainId === undefined ? undefined : assertChain(rpc, chainId)])
  const validation = isValidSignatureCalldata(hash, wrapped?.signature ?? digits)
  if (deployed && await simulate(rpc, { to: account, data: `0x${validation}` }) === magicValue) return 'erc1271'
  if (wrapped === undefined) return deployed ? 'signature is not by this address' : 'no contract'

  const validator = deploylessValidator(account.slice(2).toLowerCase(), wrapped, validation)
  return await simulate(rpc, { data: `0x${validator}` }) === magicValue ? 'erc6492' : 'signature is not by this address'
}
