/** Every reason `parseSiweMessage` can give. Stable; none quotes the input. */
export const siweRefusals = [
  'message is not text',
  'message is longer than 10 KB',
  'message has a carriage return',
  'first line is not valid',
  'scheme is not valid',
  'domain is not valid',
  'address is not valid',
  'address checksum is wrong',
  'blank lines are missing',
  'statement is not valid',
  'URI is missing or out of place',
  'URI is not valid',
  'Version is missing or out of place',
  'Version is not valid',
  'Chain ID is missing or out of place',
  'Chain ID is not valid',
  'Nonce is missing or out of place',
  'Nonce is not valid',
  'Issued At is missing or out of place',
  'Issued At is not valid',
  'Expiration Time is not valid',
  'Not Before is not valid',
  'Request ID is not valid',
  'a resource is not valid',
  'message goes on after its last field'
] as const

export type SiweRefusal = typeof siweRefusals[number]
