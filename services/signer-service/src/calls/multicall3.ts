/**
 * Batches through Multicall3 (github.com/mds1/multicall3), which makes the calls of a batch one after another in one transaction. The
 * called contracts see Multicall3 as their caller, not the wallet: a batch pays coins to several and calls contracts that do not ask who
 * calls, but it cannot transfer the wallet's tokens. Whatever reaches Multicall3 and stays there belongs to whoever calls it next.
 */
import { decodeFunctionData, decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem/utils'
import { checksummed } from '../chain/address.ts'
import type { Hex } from '../chain/quantity.ts'
import type { Call, TokenMovement } from './call.ts'

/** Where it stands on most chains. */
export const usualMulticall3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
export const mostCalls = 50

const abi = parseAbi([
  'struct Call3 { address target; bool allowFailure; bytes callData; }',
  'struct Call3Value { address target; bool allowFailure; uint256 value; bytes callData; }',
  'struct Result { bool success; bytes returnData; }',
  'function aggregate3(Call3[] calls) payable returns (Result[])',
  'function aggregate3Value(Call3Value[] calls) payable returns (Result[])'
])

/** It does whatever anybody asks of it: an allowance for it is one for everybody. @param multicall3 EIP-55; undefined where there is none. */
export const allowsEverybody = (movement: TokenMovement | null, multicall3: string | undefined): boolean => movement?.kind === 'allow' && movement.destination === multicall3

/** All or nothing: one part that fails undoes the others. @param calls at least one, none of them to Multicall3 itself. */
export const batchOf = (calls: readonly Call[], multicall3: string): Call => ({
  to: multicall3,
  value: calls.reduce((sum, { value }) => sum + value, 0n),
  data: encodeFunctionData({
    abi, functionName: 'aggregate3Value', args: [calls.map(({ to, value, data }) => ({ target: to as Hex, allowFailure: false, value, callData: data }))]
  })
})

/** @param answer of a batch that happened, hex. @returns what each part returned; undefined when this is no answer of a Multicall3. */
export function answersOf (answer: string): readonly Hex[] | undefined {
  try {
    return decodeFunctionResult({ abi, functionName: 'aggregate3Value', data: answer as Hex }).map(({ returnData }) => returnData)
  } catch {
    return undefined
  }
}

/**
 * @returns the parts in order; undefined for what is not, byte for byte, the encoding of a batch that happens whole: other functions, bytes
 * to spare, an empty batch, a part that may fail unnoticed, a batch within a batch, or values that do not add up to what is sent along.
 */
export function partsOf ({ to, value, data }: Call): readonly Call[] | undefined {
  try {
    const decoded = decodeFunctionData({ abi, data })
    if (encodeFunctionData({ abi, ...decoded }) !== data) return undefined
    const listed: readonly { readonly target: Hex, readonly allowFailure: boolean, readonly value?: bigint, readonly callData: Hex }[] = decoded.args[0]
    const parts = listed.map(({ target, value = 0n, callData }): Call => ({ to: checksummed(target) ?? target, value, data: callData }))
    const whole = parts.length > 0 && parts.length <= mostCalls && !listed.some(({ allowFailure }) => allowFailure)
    return whole && !parts.some((part) => part.to === to) && parts.reduce((sum, part) => sum + part.value, 0n) === value ? parts : undefined
  } catch {
    // Not to be decoded at all.
    return undefined
  }
}
