/** May this user, this wallet and this policy make this transfer? Asked at admission and again when it is approved. */
import type { FactorKind } from '@countersign/contracts'
import { parseCalls } from '../calls/parse-calls.ts'
import type { Hex } from '../chain/quantity.ts'
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
  /** Absent: none. */
  readonly data?: Hex
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
  const current = await policies.current(unit)
  if (current === undefined) return { admitted: false, reason: 'no_policy', detail: 'There is no policy yet, so nothing is allowed (default).', policy: { version: 0, rule: 'default' }, principal }
  const { policy, compiled, at } = current
  const calls = parseCalls({ to: transfer.to, value: transfer.value, data: transfer.data ?? '0x' }, { from: wallet.address, multicall3: undefined })
  const decision = decide(compiled, { initiator, walletId, chainId, calls, at, ...transfer.maxFeeTotal !== undefined && { maxFeeTotal: transfer.maxFeeTotal } }, () => 0n)
  if (!decision.allowed) return { admitted: false, reason: 'policy', detail: decision.detail, policy: { version: policy.version, rule: decision.rule }, principal }
  const { requirements, rule, factorKinds, maxFeeTotal } = decision
  // What nothing here keeps an account of yet is not let through.
  if (requirements.proof === undefined || requirements.proof.leastAgeSeconds > 0 || requirements.approvals.length > 0 || requirements.delaySeconds > 0 || decision.reservations.length > 0) {
    return { admitted: false, reason: 'policy', detail: `The rule "${rule}" asks for more than is kept account of yet.`, policy: { version: policy.version, rule }, principal }
  }
  return { admitted: true, principal, wallet, policy, rule, factorKinds, maxFeeTotal }
}

/** A wallet that was not granted and one that does not exist answer alike. */
const notGranted = 'This user is not a principal that may use this wallet. An operator grants it with: countersign principals grant.'
const details: Readonly<Record<string, string>> = {
  wallet_inactive: 'The wallet is not active.',
  wrong_chain: 'The wallet is not used on this chain.'
}
