/** The contracts that the tests meet, each as its runtime code. */

import { concat, getContractAddress, padHex, size, toHex, type Address, type Hex } from 'viem'
import { assemble } from './assembler.ts'

/** Answers isValidSignature(hash, r ‖ s ‖ v) with the magic value when ecrecover gives the owner that `owner` pushes, else with zero. */
const checkOwner = (owner: string): string => `
  0x04 CALLDATALOAD 0x00 MSTORE
  0xa4 CALLDATALOAD 0x00 BYTE 0x20 MSTORE
  0x64 CALLDATALOAD 0x40 MSTORE
  0x84 CALLDATALOAD 0x60 MSTORE
  0x20 0x80 0x80 0x00 0x01 GAS STATICCALL POP
  0x80 MLOAD ${owner} EQ
  0x1626ba7e MUL 0xe0 SHL 0x00 MSTORE
  0x20 0x00 RETURN`

export const walletOf = (owner: Address): Hex => assemble(checkOwner(owner))

/** A wallet that knows no owner until anybody calls it with 4 bytes of another selector and an address: what ERC-6492 calls "not ready". */
export const unpreparedWallet = assemble(`
  0x00 CALLDATALOAD 0xe0 SHR 0x1626ba7e EQ @check JUMPI
  0x04 CALLDATALOAD 0x00 SSTORE STOP
  check: ${checkOwner('0x00 SLOAD')}`)

/** CREATE2 of its calldata with salt zero. */
export const factory = assemble(`
  CALLDATASIZE 0x00 0x00 CALLDATACOPY
  0x00 CALLDATASIZE 0x00 0x00 CREATE2
  0x00 MSTORE 0x20 0x00 RETURN`)

export const initcodeOf = (runtime: Hex): Hex => concat([assemble(`${toHex(size(runtime), { size: 2 })} 0x0e 0x00 CODECOPY ${toHex(size(runtime), { size: 2 })} 0x00 RETURN`), runtime])

export const deployedBy = (from: Address, runtime: Hex): Address =>
  getContractAddress({ opcode: 'CREATE2', from, salt: padHex('0x', { size: 32 }), bytecode: initcodeOf(runtime) })

/** Whatever it is asked: these bytes. */
export function answering (bytes: Hex, how: 'RETURN' | 'REVERT' = 'RETURN'): Hex {
  const length = toHex(size(bytes), { size: 2 })
  return concat([assemble(`${length} 0x0e 0x00 CODECOPY ${length} 0x00 ${how}`), bytes])
}

export const answeringZeros = (bytes: number): Hex => assemble(`${toHex(bytes, { size: 4 })} 0x00 RETURN`)

export const magicWord: Hex = `0x1626ba7e${'0'.repeat(56)}`

export const stopping = {
  'runs out of gas': assemble('again: @again JUMP'),
  'meets an invalid opcode': assemble('INVALID'),
  'underflows the stack': assemble('POP'),
  'jumps nowhere': assemble('0x00 JUMP'),
  'reverts without a word': assemble('0x00 0x00 REVERT'),
  'reverts with the magic value': answering(magicWord, 'REVERT')
} as const

/** Accepts anything as long as nobody sent the transaction: a pattern that lets bundlers estimate gas. */
export const trustingTheZeroAddress = assemble('ORIGIN ISZERO 0x1626ba7e MUL 0xe0 SHL 0x00 MSTORE 0x20 0x00 RETURN')
