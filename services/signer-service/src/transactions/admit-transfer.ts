/** May this user, this wallet and this policy make this transfer? Asked at admission and again when it is approved. */
import type { FactorKind } from '@countersign/contracts'
import { decide } from '../policies/decide.ts'
import type { Policy } from '../policies/policy.ts'
import type { PolicyRepository } from '../policies/policy-repository.ts'
import { refusalOf, type Principal } from '../principals/principal.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Unit } from '../unit.ts'
import { refusalOfWallet, type Wallet } from '../wallets/wallet.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'

export interface AdmitDeps {
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly policies: Pick<PolicyRepository, 'current'>
  readonly chainIds: readonly number[]
}

export interface AskedTransfer {
  readonly initiator: string
  readonly walletId: string
  readonly chainId: number
  /** EIP-55. */
  readonly to: string
  readonly value: bigint
  readonly maxFeeTotal?: bigint
}

export type Admission =
  | { readonly admitted: true, readonly principal: Principal, readonly wallet: Wallet, readonly policy: Policy, readonly rule: string, readonly factorKinds: readonly FactorKind[], readonly maxFeeTotal: bigint | undefined }
  /** `reason` is for the audit; `policy` and `principal` are absent when no policy was asked. */
  | { readonly admitted: false, readonly reason: string, readonly detail: string, readonly policy?: { readonly version: number, readonly rule: string }, readonly principal?: Principal }

export type AdmitTransfer = (transfer: AskedTransfer, unit?: Unit) => Promise<Admission>

export const createAdmitTransfer = ({ principals, wallets, policies, chainIds }: AdmitDeps): AdmitTransfer => async (transfer, unit) => {
  const { initiator, walletId, chainId } = transfer
  const principal = await principals.find(initiator, unit)
  const wallet = await wallets.find(walletId, unit)
  const reason = refusalOf(principal, walletId) ?? refusalOfWallet(wallet, chainId, chainIds)
  if (reason !== undefined || principal === undefined || wallet === undefined) {
    return { admitted: false, reason: reason ?? 'no_principal', detail: details[reason ?? ''] ?? notGranted }
  }
  const policy = await policies.current(unit)
  if (policy === undefined) return { admitted: false, reason: 'no_policy', detail: 'There is no policy yet, so nothing is allowed (default).', policy: { version: 0, rule: 'default' }, principal }
  const decision = decide(policy.document, transfer)
  return decision.allowed
    ? { admitted: true, principal, wallet, policy, ...decision }
    : { admitted: false, reason: 'policy', detail: decision.detail, policy: { version: policy.version, rule: decision.rule }, principal }
}

/** A wallet that was not granted and one that does not exist answer alike. */
const notGranted = 'This user is not a principal that may use this wallet. An operator grants it with: countersign principals grant.'
const details: Readonly<Record<string, string>> = {
  wallet_inactive: 'The wallet is not active.',
  wrong_chain: 'The wallet is not used on this chain.'
}
