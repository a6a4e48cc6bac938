import type { NetworkName, WalletType } from '@countersign/contracts'

/** An address in a wallet program, connected to an account by its signature. */
export interface WalletConnection {
  readonly id: string
  readonly userId: string
  /** The login that the signature proved. Once unlinked, the connection counts for nothing. */
  readonly identityId: string
  /** In lower case, as the earlier system keeps them. */
  readonly address: string
  readonly walletType: WalletType
  readonly network: NetworkName
  /** Lower-case hex; only of families whose signatures give the key. */
  readonly publicKey?: string
  readonly isConnected: boolean
  /** Grows when it is disconnected or changes hands: what was begun before ends with that. */
  readonly epoch: number
  readonly connectedAt: Date
  readonly lastVerifiedAt: Date
  readonly lastAuthenticatedAt: Date | null
}

/** One program and one address are one connection. */
export const connectionIdOf = (walletType: WalletType, address: string): string => `${walletType}:${address.toLowerCase()}`
