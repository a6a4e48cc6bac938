/** Why a contract undid a call, from the bytes that it gave as its reason (Solidity documentation, "Control Structures", errors and panics). */
import type { Hex } from '../chain/quantity.ts'
import { readCall } from './abi-arguments.ts'
import { abiFunctionOf } from './abi-signature.ts'

export interface Revert {
  /** The bytes, cut. */
  readonly data: string
  /** Signature of the error; absent when nothing names it. */
  readonly error?: string
  /** Printable ASCII in one line each. */
  readonly args: readonly string[]
}

const longestData = 2 + 2 * 512
const longestText = 300

/** Of every contract in Solidity, and of ERC-20 tokens (ERC-6093). */
const usualErrors: readonly string[] = [
  'Error(string)', 'Panic(uint256)',
  'ERC20InsufficientBalance(address,uint256,uint256)', 'ERC20InvalidSender(address)', 'ERC20InvalidReceiver(address)', 'ERC20InsufficientAllowance(address,uint256,uint256)',
  'ERC20InvalidApprover(address)', 'ERC20InvalidSpender(address)'
]

/** Solidity documentation, "Panic via assert and Error via require". */
const panics: Readonly<Record<string, string>> = {
  0: 'a panic of the compiler\'s own', 1: 'an assertion does not hold', 17: 'a number over- or underflows', 18: 'a division by zero', 33: 'a number is no value of its enum',
  34: 'a byte array in storage is wrongly encoded', 49: 'pop of an empty array', 50: 'an index is out of bounds', 65: 'too much memory, or too large an array', 81: 'a call of a function variable that was never set'
}

/** @param data as the node gave it. @param errors signatures that the request named; they go before the usual ones. */
export function revertOf (data: Hex, errors: readonly string[]): Revert {
  const cut = data.slice(0, longestData)
  for (const error of [...errors, ...usualErrors]) {
    const method = abiFunctionOf(error)
    const args = method && readCall(method, data)
    if (args !== undefined) return { data: cut, error, args: args.map(short) }
  }
  return { data: cut, args: [] }
}

/** In a sentence's end. */
export function revertInWords ({ data, error, args }: Revert): string {
  const [first = ''] = args
  if (error === 'Error(string)') return first
  if (error === 'Panic(uint256)') return `Panic(${first}), ${panics[first] ?? 'of unknown meaning'}`
  if (error !== undefined) return `${error.slice(0, error.indexOf('('))}(${args.join(', ')})`
  return data.length < 10 ? 'the contract gives no reason' : `an error that nothing names, ${data.slice(0, 10)}`
}

const short = (text: string): string => text.length > longestText ? `${text.slice(0, longestText)}…` : text
