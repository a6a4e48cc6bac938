/** The account of a wallet, as its family reads it. */
import type { WalletFamily } from '@countersign/contracts'
import type { WalletAccount } from '@countersign/wallets'

export interface FactorWallet extends WalletAccount {
  readonly family: WalletFamily
}

/** A key is filed under chain 0, which stands for all of them; a contract under its own, and only its node can say whether it signed. */
export const isContract = (account: string): boolean => account.startsWith('eip155:') && !account.startsWith('eip155:0:')
