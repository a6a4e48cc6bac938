/** Every reason `verifyBitcoinMessage` can give. Stable: callers may branch on them; none quotes the input. */

/** Some check failed. */
export const bitcoinRefusals = [
  'input is not readable',
  'message is not well-formed text',
  'message is too long',
  'address is not valid',
  'signature is not canonical base64',
  'signature type does not fit the address',
  'signature header does not fit the address',
  'signature is not a witness stack',
  'signature is not a to_sign transaction',
  'signature is for another message or address',
  'script or witness has the wrong shape',
  'key or script is not of this address',
  'signature is not strict DER',
  'signature hash type is not ALL',
  'signature value is out of range',
  'signature is not in low-s form',
  'signature recovers no key',
  'signature is not by this address'
] as const

/** Nothing failed, and not everything could be checked: neither a yes nor a no. */
export const bitcoinDoubts = [
  'signature is too long',
  'script is not understood',
  'proof of funds is not checked',
  'transaction version is not 0 or 2'
] as const

export type BitcoinRefusal = typeof bitcoinRefusals[number]
export type BitcoinDoubt = typeof bitcoinDoubts[number]
