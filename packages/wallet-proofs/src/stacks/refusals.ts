/** Every reason `verifyStacksMessage` can give. Stable: callers may branch on them; none quotes the input. */
export const stacksRefusals = [
  'input is not readable',
  'network is not known',
  'message is not well-formed text',
  'message is too long',
  'address is not a single-key c32check address',
  'address is of another network',
  'public key is not 33 or 65 bytes in hex',
  'signature is not 65 bytes in hex',
  'signature recovery id is not supported',
  'signature value is out of range',
  'signature is not in low-s form',
  'signature recovers no key',
  'signature is not by this public key',
  'signature is not by this address'
] as const

export type StacksRefusal = typeof stacksRefusals[number]
