/** A key in the KMS that may hold money, under a name. */
export interface Wallet {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly keyId: string
  /** EIP-55. */
  readonly address: string
  readonly chainIds: readonly number[]
  /** Nothing new is taken from a wallet that is not. */
  readonly active: boolean
  readonly createdAt: Date
  /** Absent: operations. */
  readonly role?: 'operations' | 'treasury'
  /** The wallet whose funds this one takes over. */
  readonly rotatingFrom?: string | null
  /** Switched off for now. */
  readonly disabledAt?: Date | null
  /** Switched off for good: another wallet took over. */
  readonly retiredAt?: Date | null
}

export type WalletState = 'active' | 'disabled' | 'retired'

export const walletState = ({ active, retiredAt = null }: Pick<Wallet, 'active' | 'retiredAt'>): WalletState =>
  active ? 'active' : retiredAt === null ? 'disabled' : 'retired'

/** @param chainId undefined: it signs what names no chain. @returns why this wallet cannot pay on this chain, or undefined. */
export function refusalOfWallet (wallet: Wallet | undefined, chainId: number | undefined, configured: readonly number[]): string | undefined {
  if (wallet === undefined) return 'no_wallet'
  if (!wallet.active) return 'wallet_inactive'
  return chainId === undefined || (wallet.chainIds.includes(chainId) && configured.includes(chainId)) ? undefined : 'wrong_chain'
}
