/** Numbers and hashes as a node must write them. What it writes otherwise is no answer: read loosely, `0x` and `null` would be 0. */
import { badAnswer } from './chain-fault.ts'

export type Hex = `0x${string}`

const quantityPattern = /^0x[0-9a-f]{1,64}$/
const hashPattern = /^0x[0-9a-f]{64}$/

/** @throws ChainFault */
export function quantity (method: string, given: unknown): bigint {
  if (typeof given !== 'string' || !quantityPattern.test(given)) throw badAnswer(method, 'a quantity was expected')
  return BigInt(given)
}

/** Nonces and block numbers. @throws ChainFault */
export function safeNumber (method: string, given: unknown): number {
  const value = Number(quantity(method, given))
  if (!Number.isSafeInteger(value)) throw badAnswer(method, 'a number beyond all bounds')
  return value
}

/** Whole bytes in hex, `0x` for none. @throws ChainFault */
export function byteText (method: string, given: unknown): Hex {
  if (typeof given !== 'string' || !/^0x(?:[0-9a-f]{2})*$/.test(given)) throw badAnswer(method, 'bytes were expected')
  return given as Hex
}

/** @throws ChainFault */
export function hash32 (method: string, given: unknown): Hex {
  if (typeof given !== 'string' || !hashPattern.test(given)) throw badAnswer(method, 'a hash was expected')
  return given as Hex
}
