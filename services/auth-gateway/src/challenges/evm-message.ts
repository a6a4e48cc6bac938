/** The text that a wallet signs, composed here and compared byte for byte later (EIP-4361). */
export interface EvmMessageFields {
  /** host[:port] of the gateway's origin. */
  readonly domain: string
  readonly origin: string
  readonly brand: string
  /** EIP-55. */
  readonly address: string
  readonly chainId: number
  readonly nonce: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

export const evmMessage = ({ domain, origin, brand, address, chainId, nonce, issuedAt, expiresAt }: EvmMessageFields): string => [
  `${domain} wants you to sign in with your Ethereum account:`,
  address,
  '',
  `Sign in to ${brand}. This costs nothing and moves nothing.`,
  '',
  `URI: ${origin}`,
  'Version: 1',
  `Chain ID: ${chainId}`,
  `Nonce: ${nonce}`,
  `Issued At: ${issuedAt.toISOString()}`,
  `Expiration Time: ${expiresAt.toISOString()}`
].join('\n')
