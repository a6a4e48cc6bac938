/** A key in the KMS that may hold money, under a name. */
export interface Wallet {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly keyId: string
  /** EIP-55. */
  readonly address: string
  readonly chainIds: readonly number[]
  readonly active: boolean
  readonly createdAt: Date
}

/** @returns why this wallet cannot pay on this chain, or undefined. */
export function refusalOfWallet (wallet: Wallet | undefined, chainId: number, configured: readonly number[]): string | undefined {
  if (wallet === undefined) return 'no_wallet'
  if (!wallet.active) return 'wallet_inactive'
  return wallet.chainIds.includes(chainId) && configured.includes(chainId) ? undefined : 'wrong_chain'
}
