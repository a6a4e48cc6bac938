/** What a signature may cost a node: three questions, asked of somebody who is not trusted to answer well. */

import { isExecutionFault } from './execution-fault.ts'

/** A JSON-RPC client of the message's chain, in the shape of EIP-1193. Only eth_chainId, eth_getCode and eth_call are asked. */
export interface EvmRpc {
  request (call: { readonly method: string, readonly params: readonly unknown[] }): Promise<unknown>
}

/**
 * The last 20 bytes of keccak-256 of "countersign: sender of simulated calls", whose key nobody has. Not the zero address
 * that nodes fill in: some wallets skip their checks for `tx.origin` zero, to let bundlers estimate gas.
 */
export const simulationSender = '0x9b5bbf13e0c4ef6b7eaa71979091c882d188ac5f'

/** Enough to deploy a large wallet and check a passkey in Solidity; under the most that EIP-7825 lets one transaction use. */
const simulationGas = '0x989680'

const HEX = /^0x[0-9a-fA-F]*$/

/** @throws Error when the node serves another chain, or does not say which. */
export async function assertChain (rpc: EvmRpc, chainId: unknown): Promise<void> {
  const there = textOf(await rpc.request({ method: 'eth_chainId', params: [] }))
  if (Number(there) !== chainId) throw new Error('the node serves another chain')
}

/** An account delegated by EIP-7702 has code too: 0xef0100 and the address of its delegate. */
export async function hasCode (rpc: EvmRpc, address: string): Promise<boolean> {
  return textOf(await rpc.request({ method: 'eth_getCode', params: [address, 'latest'] })) !== '0x'
}

/**
 * Simulates a call, or, without `to`, the initcode in `data`. Nothing is ever sent.
 * @returns the bytes returned, in 0x hex, or undefined when the code that was called failed by itself.
 */
export async function simulate (rpc: EvmRpc, call: { readonly to?: string, readonly data: string }): Promise<string | undefined> {
  try {
    return textOf(await rpc.request({ method: 'eth_call', params: [{ from: simulationSender, gas: simulationGas, ...call }, 'latest'] }))
  } catch (error) {
    if (isExecutionFault(error)) return undefined
    throw error
  }
}

function textOf (answer: unknown): string {
  if (typeof answer !== 'string' || !HEX.test(answer)) throw new Error('the node answered with no hex')
  return answer.toLowerCase()
}
