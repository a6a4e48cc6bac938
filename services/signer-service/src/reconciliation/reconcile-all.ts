/** Every wallet on every chain of its own, the retired ones too: what leaves those is the least ours. */
import type { Wallet } from '../wallets/wallet.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import type { ReconcileOutcome } from './reconcile-lane.ts'

export interface ReconcileAllDeps {
  readonly wallets: Pick<WalletRepository, 'list'>
  readonly reconcileLane: (wallet: Wallet, chainId: number) => Promise<ReconcileOutcome>
}

export type Reconciled = ReconcileOutcome & { readonly wallet: Wallet, readonly chainId: number }

export const createReconcileAll = ({ wallets, reconcileLane }: ReconcileAllDeps) => async (signal?: AbortSignal): Promise<Reconciled[]> => {
  const done: Reconciled[] = []
  for (const wallet of await wallets.list()) {
    for (const chainId of wallet.chainIds) {
      if (signal?.aborted === true) return done
      done.push({ wallet, chainId, ...await reconcileLane(wallet, chainId) })
    }
  }
  return done
}
