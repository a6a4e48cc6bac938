/** May this user, this wallet and this policy make this transaction? Asked at admission and again when it is approved. */
import type { FactorKind } from '@countersign/contracts'
import type { Call, ParsedCall } from '../calls/call.ts'
import { parseCalls } from '../calls/parse-calls.ts'
import type { JudgedSignature } from '../policies/judged.ts'
import { decide, windowKeysOf } from '../policies/decide.ts'
import type { Policy } from '../policies/policy.ts'
import type { PolicyRepository } from '../policies/policy-repository.ts'
import type { Requirements } from '../policies/requirements.ts'
import { covers, useBeside } from '../policies/reserved-room.ts'
import type { HeldWindows, ReservedEntry, WindowRepository } from '../policies/window-repository.ts'
import type { Reservation } from '../policies/windows.ts'
import { refusalOf, type Principal } from '../principals/principal.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Unit } from '../unit.ts'
import { refusalOfWallet, type Wallet } from '../wallets/wallet.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'

export interface AdmitDeps {
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly policies: Pick<PolicyRepository, 'current'>
  readonly windows: Pick<WindowRepository, 'held'>
  readonly chainIds: readonly number[]
}

/** Whatever is asked for, as the policy sees it. */
export interface AskedAction {
  readonly initiator: string
  readonly walletId: string
  /** 0: a text, which names none. */
  readonly chainId: number
  readonly callsFrom: (wallet: Wallet) => readonly ParsedCall[]
  readonly signature?: JudgedSignature
  readonly maxFeeTotal?: bigint
  readonly reserved?: readonly ReservedEntry[]
}
export type Admit = (asked: AskedAction, unit?: Unit) => Promise<Admission>

export interface AskedTransfer {
  readonly initiator: string
  readonly walletId: string
  readonly chainId: number
  /** As it is signed. */
  readonly call: Call
  readonly maxFeeTotal?: bigint
  /** Of one that was approved: the room that it holds. It is asked for no more of a window, and has none in any other. */
  readonly reserved?: readonly ReservedEntry[]
}

export type Admission =
  | { readonly admitted: true, readonly principal: Principal, readonly wallet: Wallet, readonly policy: Policy, readonly rule: string, readonly rules: readonly string[], readonly factorKinds: readonly FactorKind[], readonly calls: readonly ParsedCall[], readonly requirements: Requirements, readonly maxFeeTotal: bigint | undefined
    /** To be taken in the unit of the decision, from what it saw. */
    readonly reservations: readonly Reservation[], readonly held: HeldWindows }
  /** `reason` is for the audit; `policy` and `principal` are absent when no policy was asked. */
  | { readonly admitted: false, readonly reason: string, readonly detail: string, readonly policy?: { readonly version: number, readonly rule: string }, readonly principal?: Principal }

/** Of a stored row, whatever kind it is. */
export type AdmitRow<Row> = (row: Row, unit?: Unit) => Promise<Admission>

export type AdmitTransfer = (transfer: AskedTransfer, unit?: Unit) => Promise<Admission>

export const createAdmitTransfer = (admit: Admit, multicall3: (chainId: number) => string | undefined): AdmitTransfer => async ({ call, ...asked }, unit) =>
  await admit({ ...asked, callsFrom: ({ address: from }) => parseCalls(call, { from, multicall3: multicall3(asked.chainId) }) }, unit)

export const createAdmit = ({ principals, wallets, policies, windows, chainIds }: AdmitDeps): Admit => async (asked, unit) => {
  const { initiator, walletId, chainId, callsFrom, maxFeeTotal, signature, reserved } = asked
  // A session does one thing at a time.
  const [principal, wallet, current] = unit === undefined
    ? await Promise.all([principals.find(initiator), wallets.find(walletId), policies.current()])
    : [await principals.find(initiator, unit), await wallets.find(walletId, unit), await policies.current(unit)]
  const reason = refusalOf(principal, walletId) ?? refusalOfWallet(wallet, chainId === 0 ? undefined : chainId, chainIds)
  if (reason !== undefined || principal === undefined || wallet === undefined) {
    return { admitted: false, reason: reason ?? 'no_principal', detail: details[reason ?? ''] ?? notGranted }
  }
  if (current === undefined) return { admitted: false, reason: 'no_policy', detail: 'There is no policy yet, so nothing is allowed (default).', policy: { version: 0, rule: 'default' }, principal }
  const { policy, compiled, at } = current
  const calls = callsFrom(wallet)
  const judged = { initiator, walletId, chainId, calls, at, ...signature !== undefined && { signature }, ...maxFeeTotal !== undefined && { maxFeeTotal } }
  const held = await windows.held(reserved === undefined ? windowKeysOf(compiled, judged) : [], at, unit)
  const decision = decide(compiled, judged, reserved === undefined ? held.used : useBeside(reserved))
  if (decision.allowed && reserved !== undefined && !covers(reserved, decision.reservations)) {
    const detail = `The rule "${decision.rule}" wants more room in its windows than was reserved when this transaction was approved.`
    return { admitted: false, reason: 'policy', detail, policy: { version: policy.version, rule: decision.rule }, principal }
  }
  return decision.allowed
    ? { admitted: true, principal, wallet, policy, calls, held, ...decision }
    : { admitted: false, reason: 'policy', detail: decision.detail, policy: { version: policy.version, rule: decision.rule }, principal }
}

/** A wallet that was not granted and one that does not exist answer alike. */
const notGranted = 'This user is not a principal that may use this wallet. An operator grants it with: countersign principals grant.'
const details: Readonly<Record<string, string>> = {
  wallet_inactive: 'The wallet is not active.',
  wrong_chain: 'The wallet is not used on this chain.'
}
