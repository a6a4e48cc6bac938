/** The text that a wallet signs to be connected. Unlike a sign-in message it may name no address: the earlier request tells none. */
export interface ConnectionMessageFields {
  /** host[:port] of the gateway's origin. */
  readonly domain: string
  readonly origin: string
  readonly brand: string
  /** Canonical; absent: of whoever signs. */
  readonly address?: string
  readonly network: string
  readonly nonce: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

export const connectionMessage = ({ domain, origin, brand, address, network, nonce, issuedAt, expiresAt }: ConnectionMessageFields): string => [
  `${domain} wants you to connect your wallet${address === undefined ? '.' : ':'}`,
  ...address === undefined ? [] : [address],
  '',
  `Connect this wallet to ${brand} and sign in with it. This costs nothing and moves nothing.`,
  '',
  `URI: ${origin}`,
  'Version: 1',
  `Network: ${network}`,
  `Nonce: ${nonce}`,
  `Issued At: ${issuedAt.toISOString()}`,
  `Expiration Time: ${expiresAt.toISOString()}`
].join('\n')
