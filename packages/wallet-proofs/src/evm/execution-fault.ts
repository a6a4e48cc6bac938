/** Did the simulated code fail, which is an answer about the signature, or did the way to the node, which is none? */

/** EIP-1474 and geth: "execution reverted", with the revert data. Parity and Nethermind: "VM execution error". */
const codes: ReadonlySet<unknown> = new Set([3, -32015])

/**
 * How nodes say that code stopped: geth and its kin, revm (reth, anvil), Nethermind, Besu, Hardhat. The last line is for
 * limits on the size of an answer: what exceeds them is not the one word that was asked for.
 */
const words = new RegExp([
  '\\brevert(ed)?\\b', 'vm exception', 'vm execution error', 'evm error',
  'out ?of ?gas', 'gas required exceeds', 'invalid ?(fe)?opcode', 'opcode .{1,40} not defined', 'opcodenotfound', 'notactivated', 'bad instruction',
  'bad jump', 'invalid ?jump', 'stack ?(limit|underflow|overflow)', 'write protection', 'max call depth', 'call ?too ?deep',
  'return data out of bounds', 'outofoffset', 'precompile ?error', 'contract creation code storage', 'max code size exceeded',
  'response( size)?( is)? (too (big|large)|larger than|exceeds)'
].join('|'), 'i')

/** Libraries wrap the node's error in errors of their own; a hostile one has no end. */
const deepest = 10

/** @param error whatever `rpc.request` rejected with. */
export function isExecutionFault (error: unknown): boolean {
  try {
    let one = error as { code?: unknown, data?: unknown, message?: unknown, details?: unknown, cause?: unknown } | null | undefined
    for (let depth = 0; depth < deepest && one !== null && one !== undefined; depth += 1) {
      const { code, data, message, details, cause } = one
      if (codes.has(code)) return true
      // Only an execution gives back bytes; providers put objects there, with advice about limits.
      if (typeof code === 'number' && typeof data === 'string' && data.startsWith('0x')) return true
      if ([message, details].some((text) => typeof text === 'string' && words.test(text))) return true
      one = cause as typeof one
    }
  } catch {
    // A getter threw.
  }
  return false
}
