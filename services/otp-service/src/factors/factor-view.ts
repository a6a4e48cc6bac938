/** A factor as its owner sees it. */
import type { ReplyOf, listFactors } from '@countersign/contracts'
import type { FactorWallet } from '../wallets/factor-wallet.ts'
import { labelOf, type Factor } from './factor.ts'
import type { FactorChecks } from './factor-check.ts'

export type FactorView = ReplyOf<typeof listFactors>['factors'][number]

export const factorView = (factor: Factor, checks: Pick<FactorChecks, Factor['kind']>): FactorView => {
  const { id, kind, provedAt } = factor
  const { shown, sends } = checks[kind]
  return {
    id, kind, label: labelOf(factor), shown, sends, proved_at: provedAt.toISOString(),
    ...kind === 'recovery_codes' && { codes_left: factor.hashes.length },
    ...kind === 'passkey' && { last_used_at: factor.lastUsedAt?.toISOString() ?? null, backed_up: factor.backedUp },
    ...kind === 'wallet' && { wallet: walletView(factor.wallet) }
  }
}

const walletView = ({ family, address, chainReference }: FactorWallet) => ({ family, address, ...family === 'evm' && { chain_id: Number(chainReference) } })
