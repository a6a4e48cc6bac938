/**
 * Every reason `verifyEvmMessage` and `verifyEvmTypedData` can give. Stable: callers may branch on them; none quotes the input.
 * All but 'unavailable' are about the proof; that one says that the chain could not be asked, and nothing about the proof.
 */
export const evmRefusals = [
  'input is not readable',
  'message is not well-formed text',
  'message is too long',
  'typed data is not readable',
  'address is not 20 bytes in 0x hex',
  'address checksum is wrong',
  'signature is not 65 bytes in 0x hex',
  'signature recovery id is not supported',
  'signature value is out of range',
  'signature is not in low-s form',
  'signature recovers no key',
  'signature is not by this address',
  'signature is too long',
  'signature wrapper is not readable',
  'signature is wrapped twice',
  'unavailable'
] as const

export type EvmRefusal = typeof evmRefusals[number]
