/**
 * ERC-6492: a signature of a contract that is not there yet, wrapped together with the call that puts it there (or makes
 * it ready to answer). Both come from whoever signs in, so the call is simulated only, and by code that is known.
 */

import type { EvmRefusal } from './refusals.ts'
import { magicValue } from './erc1271.ts'

export interface WrappedSignature {
  /** 20 bytes, the calldata for them, and the signature for ERC-1271; all in hex without 0x. */
  readonly factory: string
  readonly factoryCalldata: string
  readonly signature: string
}

const MAGIC = '6492'.repeat(16)
const WORD = 64

/**
 * Reads `abi.encode((address, bytes, bytes)) ‖ magic` as a Solidity decoder would: any offsets, within bounds.
 * @param digits hex without 0x, in lower case.
 * @returns undefined when it is not wrapped.
 */
export function unwrap (digits: string): WrappedSignature | EvmRefusal | undefined {
  if (!digits.endsWith(MAGIC)) return undefined
  const body = digits.slice(0, -MAGIC.length)
  const factory = addressAt(body, 0)
  const factoryCalldata = bytesAt(body, 1)
  const signature = bytesAt(body, 2)
  if (factory === undefined || factoryCalldata === undefined || signature === undefined) return 'signature wrapper is not readable'
  if (signature.endsWith(MAGIC)) return 'signature is wrapped twice'
  return { factory, factoryCalldata, signature }
}

function addressAt (body: string, head: number): string | undefined {
  const text = body.slice(head * WORD, (head + 1) * WORD)
  return text.length === WORD && text.startsWith('0'.repeat(24)) ? text.slice(24) : undefined
}

function bytesAt (body: string, head: number): string | undefined {
  const offset = sizeAt(body, head * WORD)
  const size = offset === undefined ? undefined : sizeAt(body, offset * 2)
  if (offset === undefined || size === undefined) return undefined
  const bytes = body.slice(offset * 2 + WORD, offset * 2 + WORD + size * 2)
  return bytes.length === size * 2 ? bytes : undefined
}

/** No offset or length in a bounded signature needs more than the last four bytes of its word. */
function sizeAt (body: string, at: number): number | undefined {
  const text = body.slice(at, at + WORD)
  return text.length === WORD && text.startsWith('0'.repeat(56)) ? Number.parseInt(text.slice(56), 16) : undefined
}

/**
 * Initcode for an `eth_call` without `to`: calls the factory, then asks the account, and returns the account's word when
 * it is the magic value, else nothing. It is straight-line code without a jump, and the called contracts cannot reach its
 * frame: all they can do is to fail, to burn the gas, or to answer.
 * @param validation calldata of isValidSignature in hex without 0x; like the factory's calldata shorter than 32 KB.
 */
export function deploylessValidator (account: string, { factory, factoryCalldata }: Omit<WrappedSignature, 'signature'>, validation: string): string {
  const [calldataSize, validationSize] = [push2(factoryCalldata.length / 2), push2(validation.length / 2)]
  const program = (calldataAt: string, validationAt: string): string => [
    // factory.call(factoryCalldata)
    calldataSize, calldataAt, '6000', '39', // PUSH2 size, PUSH2 offset in this code, PUSH1 0, CODECOPY: to memory[0]
    '6000', '6000', //      PUSH1 0, PUSH1 0           no output is kept
    calldataSize, '6000', // PUSH2 size, PUSH1 0       input: memory[0 .. size)
    '6000', //              PUSH1 0                    no value
    `73${factory}`, //      PUSH20 factory
    '5a', 'f1', //          GAS, CALL
    '50', //                POP                        a failure shows below: nobody answers, or another than should

    // account.isValidSignature(hash, signature)
    validationSize, validationAt, '6000', '39', // PUSH2 size, PUSH2 offset, PUSH1 0, CODECOPY: to memory[0]
    '6020', '6000', //      PUSH1 32, PUSH1 0          output: memory[0 .. 32)
    validationSize, '6000', // PUSH2 size, PUSH1 0     input: memory[0 .. size)
    `73${account}`, //      PUSH20 account
    '5a', 'fa', //          GAS, STATICCALL            1 when it did not fail

    // A shorter answer leaves input in memory[0 .. 32), which begins with the selector: only exactly 32 bytes count.
    '3d', '6020', '14', '16', // RETURNDATASIZE, PUSH1 32, EQ, AND
    '6000', '51', //        PUSH1 0, MLOAD
    `7f${magicValue.slice(2)}`, // PUSH32 magic value
    '14', '16', //          EQ, AND                    1 when all is right, else 0

    '6020', '02', //        PUSH1 32, MUL              size: 32 or 0
    '6000', 'f3' //         PUSH1 0, RETURN            memory[0 .. size)
  ].join('')

  // Every PUSH has a fixed width, so the length does not depend on what is pushed.
  const length = program(push2(0), push2(0)).length / 2
  return `${program(push2(length), push2(length + factoryCalldata.length / 2))}${factoryCalldata}${validation}`
}

const push2 = (value: number): string => `61${value.toString(16).padStart(4, '0')}`
