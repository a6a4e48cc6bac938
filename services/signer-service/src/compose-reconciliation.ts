/** The reconciliation's part of the composition, for the service and for the command line. */
import { Problem } from '@countersign/contracts'
import type { Audit, Leases } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Db } from 'mongodb'
import { createAttemptRepository } from './attempts/attempt-repository.ts'
import type { Chains } from './chain/chains.ts'
import type { createTellAlarm } from './mail/operator-mail.ts'
import { createCompareLane } from './reconciliation/compare-lane.ts'
import { createCoverTransfers } from './reconciliation/cover-transfers.ts'
import { createReconcileAll, type Reconciled } from './reconciliation/reconcile-all.ts'
import { createReconcileLane } from './reconciliation/reconcile-lane.ts'
import { createReconciliationRepository } from './reconciliation/reconciliation-repository.ts'
import { createReadPermits } from './reconciliation/signed-permits.ts'
import { createSignatureRepository } from './signatures/signature-repository.ts'
import { createTransactionRepository } from './transactions/transaction-repository.ts'
import type { Transact } from './unit.ts'
import type { Held, RefillWallet } from './wallets/refill-wallet.ts'
import type { Wallet } from './wallets/wallet.ts'
import type { WatchBalance } from './wallets/watch-balance.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface ReconciliationOptions {
  readonly db: Db
  readonly chains: Chains
  readonly wallets: WalletRepository
  readonly leases: Leases
  readonly holder: string
  readonly transact: Transact
  readonly audit: Audit
  readonly tellAlarm: ReturnType<typeof createTellAlarm>
}

/** As long as a line of a mail may be. */
const longestDetail = 500

export const createReconciliation = ({ db, chains, wallets, leases, holder, transact, audit, tellAlarm }: ReconciliationOptions) => {
  const [attempts, transactions] = [createAttemptRepository(db), createTransactionRepository(db)]
  const cover = createCoverTransfers({ attempts, transactions, readPermits: createReadPermits({ signatures: createSignatureRepository(db) }) })
  return createReconcileAll({
    wallets,
    reconcileLane: createReconcileLane({
      reconciliations: createReconciliationRepository(db),
      compare: createCompareLane({ attempts, transactions, cover }),
      chains, leases, holder, transact, audit,
      tellOperator: async (unit, { id }, chainId, { kind, detail }) => { await tellAlarm(unit, { wallet_id: id, chain_id: chainId, alarm: kind, detail: detail.slice(0, longestDetail) }) }
    })
  })
}

export interface ReconcileRoundOptions {
  readonly log: Logger
  readonly metrics: Metrics
  readonly db: Db
  readonly watchBalance: WatchBalance
  readonly refillWallet: RefillWallet
}

export function createReconcileRound ({ log, metrics, db, watchBalance, refillWallet }: ReconcileRoundOptions, reconcileAll: (signal: AbortSignal) => Promise<Reconciled[]>): (signal: AbortSignal) => Promise<void> {
  const reconciliations = createReconciliationRepository(db)
  const labels = ['chain', 'wallet'] as const
  const open = metrics.gauge({ name: 'signer_reconciliation_open_alarms', help: 'Things on a chain that are not ours, or of ours that are not there, which nobody has acknowledged' })
  const heights = metrics.gauge({ name: 'signer_reconciliation_height', help: 'Block up to which a wallet was compared with its chain', labels })
  const balances = metrics.gauge({ name: 'signer_wallet_balance', help: 'Of the coin, in its smallest unit, as of the last comparison', labels })
  const low = metrics.gauge({ name: 'signer_wallet_low', help: '1 while a wallet holds less than it should keep on a chain, as of the last comparison', labels })
  const failures = metrics.counter({ name: 'signer_reconciliation_failures_total', help: 'Comparisons that a node kept from being made', labels: ['chain', 'reason'] })

  const permitsUsed = metrics.counter({ name: 'signer_permits_used_total', help: 'Transfers of tokens that others made within a permit or an authorization that this signer signed', labels })

  const fill = async (wallet: Wallet, chainId: number, held: Held): Promise<void> => {
    try {
      const transaction = await refillWallet(wallet, chainId, held)
      if (transaction !== undefined) log.info({ chain: chainId, wallet: wallet.id, transaction }, 'a wallet that is low is filled')
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      log.error({ chain: chainId, wallet: wallet.id, err: error }, 'a wallet that is low may not be filled')
    }
  }

  return async (signal) => {
    for (const one of await reconcileAll(signal)) {
      const lane = { chain: String(one.chainId), wallet: one.wallet.id }
      if (one.outcome === 'unreachable') failures.inc({ chain: lane.chain, reason: one.reason })
      if (one.outcome !== 'first' && one.outcome !== 'compared') continue
      heights.set(lane, one.height)
      balances.set(lane, Number(one.balances['coin'] ?? 0))
      const balance = BigInt(one.balances['coin'] ?? 0)
      const isLow = await watchBalance(one.wallet, one.chainId, balance)
      low.set(lane, isLow ? 1 : 0)
      if (isLow) await fill(one.wallet, one.chainId, { balance, height: one.height })
      if (one.used.length > 0) permitsUsed.inc(lane, one.used.length)
      for (const { token, to, amount, hash, signatures } of one.used) log.info({ ...lane, token, to, amount: amount.toString(), hash, signatures }, 'a permit was used')
      for (const { kind, hash, detail } of one.findings) log.error({ ...lane, kind, hash, detail }, 'a wallet is not as it should be')
    }
    open.set(await reconciliations.countOpen())
  }
}
