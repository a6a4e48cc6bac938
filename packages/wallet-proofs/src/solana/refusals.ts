/** Every reason `verifySolanaMessage` can give. Stable: callers may branch on them; none quotes the input. */
export const solanaRefusals = [
  'input is not readable',
  'message is not well-formed text',
  'message is too long',
  'address is not 32 bytes in base58',
  'address is not of a key that can sign',
  'encoding is not supported',
  'signature is not 64 bytes in base58 or base64',
  'signature is not in canonical form',
  'signature is not by this address'
] as const

export type SolanaRefusal = typeof solanaRefusals[number]
