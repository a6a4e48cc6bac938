/** Every reason `verifyCosmosMessage` can give. Stable: callers may branch on them; none quotes the input. */
export const cosmosRefusals = [
  'input is not readable',
  'mode is not known',
  'prefixes are not a list of lower-case bech32 prefixes',
  'message is not well-formed text',
  'message is too long',
  'address is not 20 bytes in bech32',
  'address prefix is not accepted',
  'public key is not 33 compressed bytes in base64',
  'signature is not 64 bytes in base64',
  'signature value is out of range',
  'signature is not in low-s form',
  'public key is not of this address',
  'signature is not by this key'
] as const

export type CosmosRefusal = typeof cosmosRefusals[number]
