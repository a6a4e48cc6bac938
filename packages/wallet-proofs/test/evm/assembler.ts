/** Just enough of an EVM assembler for the contracts of these tests. */

import type { Hex } from 'viem'

const opcodes: Readonly<Record<string, string>> = {
  STOP: '00', MUL: '02', EQ: '14', ISZERO: '15', BYTE: '1a', SHL: '1b', SHR: '1c', ORIGIN: '32', CALLDATALOAD: '35', CALLDATASIZE: '36', CALLDATACOPY: '37',
  CODECOPY: '39', POP: '50', MLOAD: '51', MSTORE: '52', SLOAD: '54', SSTORE: '55', JUMP: '56', JUMPI: '57', GAS: '5a', JUMPDEST: '5b',
  RETURN: 'f3', CREATE2: 'f5', STATICCALL: 'fa', REVERT: 'fd', INVALID: 'fe'
}

/** Words are opcodes, `0x…` (a PUSH of so many bytes), `label:` (a JUMPDEST) and `@label` (a PUSH2 of its place). */
export function assemble (source: string): Hex {
  const places = new Map<string, string>()
  const parts: string[] = []
  let at = 0
  const add = (part: string, bytes: number): void => {
    parts.push(part)
    at += bytes
  }
  const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0')
  for (const word of source.trim().split(/\s+/)) {
    const opcode = opcodes[word.endsWith(':') ? 'JUMPDEST' : word]
    if (word.endsWith(':')) places.set(`@${word.slice(0, -1)}`, hex(at, 2))
    if (word.startsWith('0x')) add(`${hex(0x5f + (word.length - 2) / 2, 1)}${word.slice(2)}`, word.length / 2)
    else if (word.startsWith('@')) {
      add('61', 1)
      add(word, 2)
    } else if (opcode === undefined) throw new Error(`no such opcode: ${word}`)
    else add(opcode, 1)
  }
  return `0x${parts.map((part) => places.get(part) ?? part).join('')}`
}
