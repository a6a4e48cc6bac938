/** A login of a user: one wallet account. */
export interface Identity {
  /** CAIP-10 with the canonical address. */
  readonly id: string
  readonly kind: 'evm'
  /** EIP-55, as shown. */
  readonly address: string
}

/**
 * A key-held EVM account is the same on every chain, so it is filed under chain 1; contract wallets will carry their own.
 * The address is lower-cased: one account, however it was spelled.
 */
export const evmIdentityId = (address: string): string => `eip155:1:${address.toLowerCase()}`
