/** Reading: a principal sees the wallets that were granted to it, an operator of the gateway all of them. */
import { Problem, problems, type KmsWalletView } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { ReadHoldings } from './holdings.ts'
import { walletState, type Wallet } from './wallet.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface ReadWalletsDeps {
  readonly wallets: Pick<WalletRepository, 'find' | 'page'>
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly readHoldings: ReadHoldings
  readonly cursors: Cursors
}

/** `operator` is the gateway's claim. */
export interface Reader { readonly userId: string, readonly operator: boolean }

export type ViewWallet = (wallet: Wallet) => Promise<KmsWalletView>

export const createViewWallet = ({ readHoldings }: Pick<ReadWalletsDeps, 'readHoldings'>): ViewWallet => async (wallet) => ({
  id: wallet.id,
  name: wallet.name,
  role: wallet.role ?? 'operations',
  address: wallet.address,
  state: walletState(wallet),
  rotating_from: wallet.rotatingFrom ?? null,
  created_at: wallet.createdAt.toISOString(),
  balances: (await readHoldings(wallet)).map(({ chainId, block, reason, assets }) => ({
    chain_id: chainId, block_number: block, reason, assets: assets.map(({ balance, ...asset }) => ({ ...asset, balance: balance?.toString() ?? null }))
  }))
})

/** @throws Problem notFound: what is not there and what was not granted answer alike */
export const createGetWallet = ({ wallets, principals, readHoldings }: Omit<ReadWalletsDeps, 'cursors'>) => {
  const view = createViewWallet({ readHoldings })
  return async (id: string, { userId, operator }: Reader): Promise<KmsWalletView> => {
    const granted = operator || (await principals.find(userId))?.wallets.includes(id) === true
    const wallet = granted ? await wallets.find(id) : undefined
    if (wallet === undefined) throw new Problem(problems.notFound)
    return await view(wallet)
  }
}

export const createListWallets = ({ wallets, principals, readHoldings, cursors }: ReadWalletsDeps) => {
  const view = createViewWallet({ readHoldings })
  return async ({ limit, cursor }: { readonly limit: number, readonly cursor: string | undefined }, { userId, operator }: Reader): Promise<{ data: KmsWalletView[], next_cursor: string | null }> => {
    const scope = ['wallets', userId]
    const after = cursor === undefined ? undefined : cursors.read(scope, cursor)
    const granted = operator ? undefined : (await principals.find(userId))?.wallets ?? []
    const found = await wallets.page({ limit: limit + 1, after, among: granted })
    const { page, nextCursor } = cursors.page(scope, found, limit)
    return { data: await Promise.all(page.map(view)), next_cursor: nextCursor }
  }
}
